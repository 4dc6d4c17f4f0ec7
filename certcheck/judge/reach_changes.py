"""What differs in getting as far as TLS: a port that is gone, or speaks otherwise than before."""

import errno
import os
from collections.abc import Iterator, Mapping

from certcheck.judge.clientele import of_service
from certcheck.judge.difference import Difference
from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation, Reason
from certcheck.targets import endpoint

# A port that spoke before and is silent now is as good as closed to a customer.
_SILENT: frozenset[Reason] = frozenset({"unreachable", "greeting_timeout", "handshake_timeout"})
# No way out of this machine says nothing about the server.
_OWN_FAULT = os.strerror(errno.ENETUNREACH)

_MODES: Mapping[Reason, str] = {
    "plain_on_tls_port": "plain text where TLS should begin with the first byte",
    "tls_on_plain_port": "TLS from the first byte where STARTTLS was",
}
_NOW: Mapping[Reason, str] = {
    "refused": "nothing listens there any more",
    "unreachable": "nothing answers there any more",
    "greeting_timeout": "the port takes connections and says nothing",
    "handshake_timeout": "the TLS handshake does not end",
    "starttls_not_offered": "STARTTLS is no longer offered",
    "starttls_garbled": "STARTTLS is offered, and its answer is garbled",
    "preauth": "the server greets with PREAUTH, so that TLS cannot start",
    "tls_unavailable_454": "STARTTLS is offered and then refused (key and certificate?)",
    "closed_after_go_ahead": "the server hangs up where TLS should start (key and certificate?)",
    "handshake_failed": "the TLS handshake fails",
    "injected_bytes": "plain text is slipped in before TLS",
}


def reach(before: Observation, after: Observation) -> Iterator[Difference]:
    """Open, closed, with TLS or without: what a program meets that wants to connect.

    Silence where a server spoke before is a loss. A server that turns us away (421, BYE) says
    nothing, and neither does a network that is down here.
    """
    if _way(before) == _way(after) or not (comparable(before) and comparable(after)):
        return
    service = endpoint(after.endpoint)
    if after.outcome == "seen":
        text = f"now reachable with TLS: {of_service(service)} can connect"
        yield _difference(before, after, text, gained=True)
    elif before.outcome == "seen":
        yield _difference(before, after, _loss(service, after), gained=False)
    elif after.outcome != "closed" and before.outcome == "closed":
        text = f"the port is open now, without TLS: {_words(after)}"
        yield _difference(before, after, text, gained=False)
    else:
        yield _difference(before, after, _loss(service, after), gained=False)


def comparable(observation: Observation) -> bool:
    """Whether it says something of the server, be it that it is silent."""
    if observation.outcome != "inconclusive":
        return True
    return observation.reason in _SILENT and _OWN_FAULT not in observation.detail


def _difference(
    before: Observation, after: Observation, message: str, *, gained: bool
) -> Difference:
    mode = after.reason in _MODES
    opened = before.outcome == "closed" and not gained
    return Difference(
        field="tls_mode" if mode else "outcome",
        before=before.tls_mode if mode else _way(before),
        after=_words(after) if mode else _way(after),
        class_="gained" if gained else "weakened" if opened else "lost",
        message=message,
        single=frozenset({_way(after)}),
    )


def _loss(service: Endpoint, after: Observation) -> str:
    return f"{_words(after)}: {of_service(service)} can no longer connect"


def _words(after: Observation) -> str:
    reason = after.reason or "handshake_failed"
    return _MODES.get(reason) or _NOW.get(reason, reason)


def _way(observation: Observation) -> str:
    reason = observation.reason
    return f"{observation.outcome}: {reason}" if reason else observation.outcome
