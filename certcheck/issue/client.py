"""The conversation with one certificate authority: signed requests, nonces, waits and deadlines."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from acme import errors, messages
from acme.client import ClientNetwork
from josepy.errors import DeserializationError
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK

from certcheck import __version__
from certcheck.errors import CaError
from certcheck.issue.answer import https_url, json_object
from certcheck.issue.authority import Authority
from certcheck.issue.clock import refuse_skew
from certcheck.issue.patience import within
from certcheck.issue.trouble import pause, seconds_asked

_REQUEST_SECONDS = 30.0
_MAX_BODY = 1024 * 1024
_NONCE_TRIES = 20
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_NEEDED = ("newNonce", "newAccount", "newOrder")

Progress = Callable[[str], None]
Answer = TypeVar("Answer")


def _unheard(_: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment by which the whole order must be through."""

    seconds: float
    ends: float

    @classmethod
    def within(cls, seconds: float) -> "Deadline":
        """A deadline so many seconds from now."""
        return cls(seconds=seconds, ends=time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds left; raises CaError when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise CaError(
                f"the certificate authority did not finish within {self.seconds:g} s",
                hint="try again: authorizations that succeeded are kept by the authority",
            )
        return left


class Network(ClientNetwork):
    """acme's network: more patience with nonces and trouble, less with slow or endless answers.

    `refusal` is the last answer, if it was no success, and `tries` how often the last question was
    asked, both for the words of an error.
    """

    key: JWK

    def __init__(
        self, key: JWK, authority: Authority, deadline: Deadline, progress: Progress = _unheard
    ) -> None:
        trusted: Any = True if authority.ca_file is None else str(authority.ca_file)
        super().__init__(
            key,
            alg=ES256,
            verify_ssl=trusted,
            user_agent=f"certcheck/{__version__}",
        )
        self.refusal: requests.Response | None = None
        self.tries = 0
        self.deadline = deadline
        self._progress = progress
        self._known = False

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """A context whose time is not the authority's, and does not count before the deadline."""
        begun = time.monotonic()
        yield
        self.deadline = replace(self.deadline, ends=self.deadline.ends + time.monotonic() - begun)

    def persistently(self, ask: Callable[[], Answer]) -> Answer:
        """What `ask` gives, which is asked again while the authority is in trouble.

        Raises the last error where the pause before the next try would reach the deadline.
        """
        self.tries = 1
        while True:
            try:
                return ask()
            except (requests.RequestException, errors.Error) as e:
                wait = pause(e, self.refusal, tries=self.tries, known=self._known)
                if wait is None or time.monotonic() + wait >= self.deadline.ends:
                    raise
            self._progress(f"the certificate authority is in trouble, asking again in {wait:g} s")
            time.sleep(wait)
            self.tries += 1

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As acme's, but a rejected nonce is replaced more often than once (RFC 8555 6.5)."""
        for _ in range(_NONCE_TRIES - 1):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as e:
                if e.code != "badNonce":
                    raise
            time.sleep(min(secrets.randbelow(50) / 1000, self.deadline.left))
        return self._post_once(*args, **kwargs)

    @classmethod
    def _check_response(
        cls, response: requests.Response, content_type: str | None = None
    ) -> requests.Response:
        # acme's own takes the types in a problem document for granted.
        del content_type  # whoever asked for JSON finds out
        if not response.ok:
            raise _problem(response)
        return response

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        https_url(url)
        budget = min(_REQUEST_SECONDS, self.deadline.left)
        kwargs |= {"verify": self.verify_ssl, "timeout": budget, "stream": True}
        kwargs["headers"] = {"User-Agent": self.user_agent} | kwargs.get("headers", {})
        # A POST is signed for its URL (RFC 8555 6.4): sent elsewhere it would not hold.
        kwargs["allow_redirects"] = method != "POST"
        self.refusal = None
        response = within(budget, lambda: self._whole(method, url, *args, **kwargs))
        self._known = True
        https_url(response.url)
        self.refusal = None if response.ok else response
        if method == "POST" and not response.ok and self.REPLAY_NONCE_HEADER in response.headers:
            self._add_nonce(response)
        return response

    def _whole(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = self.session.request(method, url, *args, **kwargs)
        body = bytearray()
        for piece in response.iter_content(64 * 1024):
            body += piece
            if len(body) > _MAX_BODY:
                response.close()
                raise requests.RequestException(f"sends more than {_MAX_BODY} bytes")
        response._content = bytes(body)  # noqa: SLF001 - how requests keeps what it has read
        response.encoding = "utf-8"
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A certificate authority that is listening: its directory is read."""

    directory: messages.Directory
    net: Network

    def send(self, url: str, body: JSONDeSerializable | None) -> requests.Response:
        """The answer to a signed POST; without a body it is a POST-as-GET (RFC 8555 6.3).

        It may be sent several times, while the authority is in trouble.
        """
        return self.net.persistently(lambda: self.once(url, body))

    def once(self, url: str, body: JSONDeSerializable | None) -> requests.Response:
        """As `send`, for what must not be repeated blindly."""
        return self.net.post(url, body, new_nonce_url=self.directory.newNonce)

    def polled(self, url: str) -> Iterator[dict[str, Any]]:
        """The object at `url`, read again and again, at the pace that Retry-After asks for.

        Never ends by itself: raises CaError at the deadline (RFC 8555 7.5.1).
        """
        wait = _FIRST_WAIT
        while True:
            response = self.send(url, None)
            yield json_object(response)
            asked = seconds_asked(response, now=datetime.now(UTC))
            pause = wait if asked is None else max(asked, _FIRST_WAIT)
            left = self.net.deadline.left
            time.sleep(min(pause, left - 1 if left > 1 else left))  # one last look before the end
            wait = min(wait * 2, _LONGEST_WAIT)


def conversation(authority: Authority, net: Network) -> Conversation:
    """A conversation with the authority, its directory read (RFC 8555 7.1.1)."""
    answer = net.persistently(lambda: net.get(authority.directory))
    refuse_skew(answer.headers)
    listed = json_object(answer)
    if not all(isinstance(listed.get(each), str) for each in _NEEDED):
        raise CaError(
            f"{authority.directory} is not an ACME directory", hint="look at [acme] directory"
        )
    return Conversation(directory=messages.Directory.from_json(listed), net=net)


def _problem(response: requests.Response) -> errors.Error:
    try:
        problem: messages.Error = messages.Error.from_json(json_object(response))
    except DeserializationError:
        return errors.ClientError(response)
    return problem
