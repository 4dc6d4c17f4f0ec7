"""What an authority in trouble says: whether asking again helps, and how long it asks to wait."""

import http.client
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests
from acme import errors, messages

_PAUSES: Sequence[float] = (0.5, 1.5, 4.0)  # seconds before the second, third and fourth try
_LONGEST_ASKED = 10.0  # seconds that are waited for in a run; for more there is a next run
_SHORTEST = 0.1
_CUT = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    TimeoutError,
    http.client.IncompleteRead,
    ssl.SSLEOFError,
    requests.Timeout,
)


def pause(
    error: requests.RequestException | errors.Error,
    refusal: requests.Response | None,
    *,
    tries: int,
    known: bool,
) -> float | None:
    """Seconds to wait before the next try; None when that would not help.

    `refusal` is the answer behind the error, if there was one; `known` says whether this authority
    has answered before: only then is a closed port taken for a restart.
    """
    if tries > len(_PAUSES):
        return None
    if refusal is None:
        cut = isinstance(root(error), (*_CUT, *((ConnectionRefusedError,) if known else ())))
        return _PAUSES[tries - 1] if cut else None
    asked = seconds_asked(refusal, now=datetime.now(UTC))
    if asked is not None and (_is_trouble(refusal) or is_limit(error, refusal)):
        return max(asked, _SHORTEST) if asked <= _LONGEST_ASKED else None
    return _PAUSES[tries - 1] if _is_trouble(refusal) else None


def is_limit(error: BaseException | None, refusal: requests.Response | None) -> bool:
    """Whether it was asked too often (RFC 8555 6.6)."""
    status = refusal.status_code if refusal is not None else 0
    limited = isinstance(error, messages.Error) and error.code == "rateLimited"
    return limited or status == HTTPStatus.TOO_MANY_REQUESTS


def seconds_asked(response: requests.Response, *, now: datetime) -> float | None:
    """How long Retry-After asks to wait, in seconds; None when it does not ask (RFC 9110)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text).astimezone(UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def root(error: BaseException) -> BaseException:
    """What lies at the bottom of an error that libraries have wrapped again and again."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _is_trouble(refusal: requests.Response) -> bool:
    return refusal.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
