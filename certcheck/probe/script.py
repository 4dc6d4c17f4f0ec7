"""What the scripts of the mail protocols share: a server's words, and its ways to say no."""

import re
from dataclasses import dataclass
from typing import Protocol

from certcheck.model.observation import Reason
from certcheck.probe.limits import ProbeError
from certcheck.probe.wire import Wire, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A server's own words: `words` are its capabilities, None when it has named none yet.

    `partial` says that it may have more to name when it is asked.
    """

    greeting: str = ""
    words: tuple[str, ...] | None = None
    auth: tuple[str, ...] = ()
    size: int | None = None
    partial: bool = False

    def offers(self, word: str) -> bool:
        """Whether `word` stands among the capabilities, in any case."""
        return any(each.upper().split()[:1] == [word] for each in self.words or ())


class Script(Protocol):
    """One protocol's dialogue, in lock-step: one command, one answer. Failures are ProbeErrors."""

    async def greet(self, wire: Wire) -> Said:
        """The greeting of a new connection."""
        ...

    async def ask(self, wire: Wire) -> Said:
        """The capabilities."""
        ...

    async def start_tls(self, wire: Wire, said: Said) -> None:
        """Ask for TLS; return at the go-ahead only."""
        ...

    async def ask_inside(self, wire: Wire) -> Said:
        """The capabilities, first thing after STARTTLS succeeded."""
        ...

    async def leave(self, wire: Wire) -> None:
        """Say goodbye and hear the answer."""
        ...


_CROWD = re.compile(
    rb"too many|try again|TRYLATER|limit|busy|SYS/TEMP|overload|throttl|\brate", re.IGNORECASE
)
# What the greetings of other services on this port begin with.
_STRANGER = re.compile(rb"SSH-|HTTP/|RFB |<", re.IGNORECASE)
_OTHER = re.compile(
    rb"\d{3}[ -]|\* (OK|BYE|PREAUTH)|\+OK|-ERR|\"IMPLEMENTATION\"|" + _STRANGER.pattern,
    re.IGNORECASE,
)


def go_away(line: bytes, *, usual: Reason) -> Reason:
    """`rate_limited` when the words of a refusal speak of load, else `usual`."""
    return "rate_limited" if _CROWD.search(line) else usual


def is_stranger(data: bytes) -> bool:
    """Whether plain text begins as no mail server's does: SSH, HTTP, VNC, XML."""
    return bool(_STRANGER.match(data))


def plain_refusal(data: bytes) -> Reason | None:
    """The reason in plain text that begins like a refusal of service: SMTP 421 or IMAP BYE."""
    if data.startswith(b"421"):
        return "rate_limited"
    return go_away(data, usual="bye") if data.upper().startswith(b"* BYE") else None


def wrong_protocol(line: bytes, wanted: str) -> ProbeError:
    """The error for a line that is no word of the protocol `wanted`."""
    what = "the greeting of another protocol" if _OTHER.match(line) else "no mail protocol"
    return ProbeError("wrong_protocol", f"expected {wanted}, got {what}: {shown(line)}")


def not_offered(command: str) -> ProbeError:
    """The error for a server whose capabilities have no `command`."""
    return ProbeError("starttls_not_offered", f"the server does not offer {command}")


def refused(command: str, line: bytes, *, offered: bool) -> ProbeError:
    """The error for a plain no to `command`: it was promised (`offered`) or never was."""
    reason: Reason = "tls_unavailable_454" if offered else "starttls_not_offered"
    return ProbeError(reason, f"{command} was refused: {shown(line)}")


def garbled(command: str, line: bytes) -> ProbeError:
    """The error for an answer to `command` that is not one."""
    return ProbeError("starttls_garbled", f"the answer to {command} is none: {shown(line)}")
