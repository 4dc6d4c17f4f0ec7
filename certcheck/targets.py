"""What the user points at: URLs, host names and ports, as text, become endpoints here."""

import re
from dataclasses import dataclass

from certcheck.errors import InputError
from certcheck.model.endpoint import PORTS, SCHEMES, Endpoint, Hostname
from certcheck.names import hostname

_SHOWN = 200  # characters of what was given that an error quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Ask `host` at this address, whatever DNS says; `port` None means every port."""

    host: Hostname
    port: int | None
    address: str
    to_port: int | None


_LAST_PORT = 65535
_DIGITS = re.compile(r"[0-9]{1,5}")


def endpoint(url: str) -> Endpoint:
    """The endpoint that `url` names, such as `imaps://mail.example.org`.

    Raises InputError for an unknown scheme, a bad name or a bad port, or anything after the port.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        raise InputError(
            f"target {_short(url)}: unknown protocol {_short(scheme)}",
            hint=f"use one of {', '.join(SCHEMES)}",
        )
    if "@" in rest:
        raise InputError(
            f"target {scheme}://…: a target has no user name or password", hint="leave it out"
        )
    known = next(name for name in SCHEMES if name == scheme.lower())
    host, port = split_port(rest.removesuffix("/"), where=f"target {_short(url)}")
    return Endpoint(scheme=known, host=hostname(host), port=PORTS[known] if port is None else port)


def usual_endpoints(host: Hostname) -> tuple[Endpoint, ...]:
    """Every service at its registered port; none of them must be there."""
    return tuple(
        Endpoint(scheme=scheme, host=host, port=PORTS[scheme], expected=False) for scheme in SCHEMES
    )


def split_port(text: str, *, where: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[::1]` or `[::1]:port`; raises InputError."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        digits = rest.removeprefix(":") if rest.startswith(":") else None
        # Brackets are for IPv6 addresses (RFC 3986 3.2.2).
        if not closed or ":" not in host or (rest and digits is None):
            raise InputError(f"{where}: cannot read {_short(text)}", hint="write [ADDRESS]:PORT")
    elif text.count(":") > 1:
        return text, None
    else:
        host, colon, after = text.partition(":")
        digits = after if colon else None
    if digits is None:
        return host, None
    return host, port_number(digits, where=where)


def port_number(digits: str, *, where: str) -> int:
    """A TCP port between 1 and 65535; raises InputError."""
    if not _DIGITS.fullmatch(digits) or not 0 < int(digits) <= _LAST_PORT:
        raise InputError(f"{where}: {_short(digits)} is not a port", hint="a port is 1 to 65535")
    return int(digits)


def connect_to(text: str) -> Redirect:
    """The redirection that `NAME:PORT:ADDRESS[:PORT]` asks for; an empty PORT means any.

    Raises InputError.
    """
    where = f"--connect-to {_short(text)}"
    name, rest = _name_and_rest(text)
    port, colon, target = rest.partition(":")
    if not (name and colon and target):
        raise InputError(
            f"{where}: not NAME:PORT:ADDRESS[:PORT]",
            hint="an empty PORT means any, IPv6 stands in brackets",
        )
    address, to_port = split_port(target, where=where)
    literal = hostname(address)
    if not literal.is_ip:
        raise InputError(f"{where}: {_short(address)} is not an IP address", hint="write one")
    return Redirect(
        host=hostname(name),
        port=port_number(port, where=where) if port else None,
        address=literal.ascii,
        to_port=to_port,
    )


def _name_and_rest(text: str) -> tuple[str, str]:
    if text.startswith("["):
        name, _, rest = text[1:].partition("]:")
        return name if ":" in name else "", rest
    name, _, rest = text.partition(":")
    return name, rest


def endpoints(text: str) -> tuple[Endpoint, ...]:
    """What one TARGET means: the endpoint of a URL, or all usual ones of a bare host.

    Raises InputError.
    """
    if "://" in text:
        return (endpoint(text),)
    host, port = split_port(text, where=f"target {_short(text)}")
    if port is not None:
        raise InputError(
            f"target {_short(text)} does not say which protocol",
            hint="write imap://HOST:PORT or the like",
        )
    return usual_endpoints(hostname(host))


def mail_domain(text: str) -> Hostname:
    """The mail domain that one TARGET is with --domain; raises InputError for anything else."""
    where = f"target {_short(text)}"
    named = "://" not in text and "@" not in text and split_port(text, where=where)[1] is None
    domain = hostname(text) if named else None
    if domain is None or domain.is_ip:
        raise InputError(
            f"{where} is not a mail domain",
            hint="with --domain a TARGET is what stands behind the @, such as example.org",
        )
    return domain


def _short(text: str) -> str:
    return ascii(text) if len(text) <= _SHOWN else ascii(text[:_SHOWN]) + "…"
