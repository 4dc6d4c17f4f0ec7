"""The door of this room: whatever goes wrong with an authority leaves as one plain CaError."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus

import requests
from acme import errors, messages
from josepy.errors import Error as JoseError

from certcheck.errors import CaError
from certcheck.issue.answer import one_line
from certcheck.issue.client import Network
from certcheck.issue.clock import refuse_skew_at
from certcheck.issue.trouble import root, seconds_asked
from certcheck.store.orders import Order

_LONGEST = 10_000  # a problem for each of 100 names
_HINTS = {
    "accountDoesNotExist": "run again: a new account is created",
    "caa": "the CAA records of the name must allow this authority",
    "connection": "the authority must reach the name on port 80, at each of its addresses",
    "dns": "the name needs A or AAAA records that the authority can look up",
    "dnssec": "the DNSSEC signatures of the zone do not validate",
    "externalAccountRequired": "set eab_kid and eab_key_file in [acme]",
    "incorrectResponse": "another host or server answers for this name",
    "invalidContact": "look at [acme] email",
    "rateLimited": "try again later; every failed try counts as well",
    "rejectedIdentifier": "this authority does not issue for this name",
    "unauthorized": "another host or server answers for this name, or the account may not",
    "unsupportedIdentifier": "this authority does not issue for this kind of name",
}
_PASSING = ("badNonce", "rateLimited")
_CLIENT_ERROR = 4
_WAIT = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_OTHER_TIME = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED of OpenSSL
_LOOK = "look at [acme] directory; if it is right, the authority is in trouble: try again later"
_UNTRUSTED = "set ca_file in [acme] when the authority is your own; look at this host's clock"


@contextmanager
def told_plainly(directory: str, net: Network) -> Iterator[None]:
    """A context in which every failure of the authority or the way to it is a CaError.

    The network's last refusal tells how long to wait.
    """
    try:
        yield
    except messages.Error as e:
        raise refused(f"{directory} refuses", e, wait=f"{_wait(net)}{_tries(net)}") from e
    except requests.RequestException as e:
        if _is_of_another_time(e):
            refuse_skew_at(directory)
        raise _unreachable(directory, e, net) from e
    except (errors.Error, JoseError) as e:
        raise CaError(f"{directory} {_broken(e, net)}{_tries(net)}", hint=_LOOK) from e


@contextmanager
def dropped_when_refused(order: Order, net: Network) -> Iterator[None]:
    """A context in which a refusal that waiting does not mend is the end of the order."""
    try:
        yield
    except (messages.Error, errors.ClientError) as e:
        if _is_final(e, net):
            order.close("dropped")
        raise


def refused(what: str, *problems: messages.Error, wait: str = "") -> CaError:
    """One error of one or several problem documents (RFC 8555 6.7), with the first one's hint."""
    leaves = [leaf for problem in problems for leaf in (problem.subproblems or (problem,))]
    codes = [leaf.code or "" for leaf in (*leaves, *problems)]
    hint = next((_HINTS[code] for code in codes if code in _HINTS), "")
    said = one_line("; ".join(wording(each) for each in problems), longest=_LONGEST)
    return CaError(f"{what}: {said}{wait}", hint=hint)


def wording(problem: messages.Error) -> str:
    """A problem document on one line: kind, detail, and each identifier's own problem."""
    kind = str(problem.typ or "").rsplit(":", maxsplit=1)[-1]
    said = one_line(problem.detail or problem.title or problem.description or "no reason given")
    named = f"{one_line(problem.identifier.value)}: " if problem.identifier else ""
    each = "; ".join(wording(sub) for sub in problem.subproblems or ())
    return f"{named}{said} ({one_line(kind)})" + (f" [{each}]" if each else "")


def _is_final(error: errors.Error, net: Network) -> bool:
    code = error.code if isinstance(error, messages.Error) else None
    status = net.refusal.status_code if net.refusal is not None else 0
    return code not in _PASSING and status // 100 == _CLIENT_ERROR and status not in _WAIT


def _wait(net: Network) -> str:
    asked = seconds_asked(net.refusal, now=datetime.now(UTC)) if net.refusal is not None else None
    return "" if asked is None else f"; it asks to wait {asked:.0f} s"


def _tries(net: Network) -> str:
    return f" (asked {net.tries} times)" if net.tries > 1 else ""


def _is_of_another_time(error: requests.RequestException) -> bool:
    bottom = root(error)
    return isinstance(bottom, ssl.SSLCertVerificationError) and bottom.verify_code in _OTHER_TIME


def _unreachable(directory: str, error: requests.RequestException, net: Network) -> CaError:
    bottom = root(error)
    match bottom:
        case ssl.SSLCertVerificationError():
            why = bottom.verify_message or "it does not verify"
            return CaError(
                f"the HTTPS certificate of {directory} is not trusted: {why}", hint=_UNTRUSTED
            )
        case socket.gaierror():
            why, hint = f"the name cannot be looked up ({bottom.strerror})", "look at DNS"
        case ssl.SSLError():
            why, hint = f"no TLS ({bottom.reason or bottom})", "is this the right port?"
        case http.client.HTTPException():
            why, hint = f"no HTTP ({one_line(repr(bottom))})", "is this the right port?"
        case OSError() if bottom.strerror:
            why, hint = bottom.strerror, "look at the network, and at [acme] directory"
        case _:
            why, hint = one_line(str(bottom)), "look at the network, or try again later"
    return CaError(f"{directory} cannot be reached: {why}{_tries(net)}", hint=hint)


def _broken(error: Exception, net: Network) -> str:
    match error:
        case errors.MissingNonce() | errors.BadNonce():
            return "answers without a usable nonce"
        case errors.ClientError() if net.refusal is not None:
            return f"answers HTTP {net.refusal.status_code} at {one_line(net.refusal.url)}"
        case _:
            return f"answers with something that is not ACME: {one_line(str(error))}"
