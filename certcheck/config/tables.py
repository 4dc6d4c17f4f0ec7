"""The tables of certcheck.toml as types: every text in it becomes one of these, once."""

import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from certcheck.config.marks import Read, ReadBeside, Within
from certcheck.errors import InputError
from certcheck.model.change import FIELDS
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.names import hostname
from certcheck.targets import endpoint, port_number, split_port
from certcheck.x509 import KeyKind

ServerKind = Literal["dovecot", "postfix"]
KeyChoice = Literal[KeyKind, "both"]

STATE = Path("/var/lib/certcheck")


def _name(text: Any) -> Any:
    return _hostname(text, wildcard=True)


def _host(text: Any) -> Any:
    return _hostname(text, wildcard=False)


def _hostname(text: Any, *, wildcard: bool) -> Any:
    try:
        return hostname(text, wildcard=wildcard) if isinstance(text, str) else text
    except InputError as e:
        raise ValueError(e.message) from e


def _url(text: Any) -> Any:
    try:
        return endpoint(text) if isinstance(text, str) else text
    except InputError as e:
        raise ValueError(e.message) from e


def _path(text: Any, base: Path | None) -> Any:
    if not isinstance(text, str):
        return text
    if "\0" in text:
        raise ValueError("a path has no null byte")
    return Path(base or "", text).absolute()


def words(text: Any) -> Any:
    """Text as arguments for a program, taken apart as a shell does; raises ValueError."""
    if isinstance(text, str) and "\0" in text:
        raise ValueError("an argument has no null byte")
    return tuple(shlex.split(text)) if isinstance(text, str) else text


def _declared(table: Any) -> Any:
    """[expected] by field: True for any change, else a set of values, all as text."""
    if not isinstance(table, dict):
        return table
    flat: dict[str, Any] = {}
    for key, value in table.items():
        inner = value if isinstance(value, dict) and key in {"dns", "mailbox"} else {"": value}
        flat |= {f"{key}.{name}" if name else key: each for name, each in inner.items()}
    for key in flat:
        if key not in FIELDS and not key.startswith(("dns.", "mailbox.")):
            near = "".join(f" (meant {n!r}?)" for n in difflib.get_close_matches(key, FIELDS, n=1))
            raise ValueError(f"no field is called {key!r}{near}")
    return {key: _values(key, value) for key, value in flat.items()}


def _values(key: str, value: Any) -> bool | frozenset[str]:
    if isinstance(value, bool):
        return value
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | int) for each in values):
        raise ValueError(f"{key} takes true, a value or a list of values")
    return frozenset(map(str, values))


Name = Annotated[Hostname, Read(_name)]  # of a certificate: a wildcard is one
Host = Annotated[Hostname, Read(_host)]
Url = Annotated[Endpoint, Read(_url)]
Words = Annotated[tuple[str, ...], Read(words)]
FilePath = Annotated[Path, ReadBeside(_path)]
Label = Annotated[str, Within(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Port = Annotated[int, Within(ge=1, le=65535)]
# What may change, field by field: True for anything, else the new value or the single things.
Expected = Annotated[Mapping[str, bool | frozenset[str]], Read(_declared)]


class _Table:
    """Every table of the file: a key that it does not know is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable(_Table):
    """`[site]`: who runs the servers, and where certcheck keeps its state."""

    name: str = ""
    contact: str = ""
    phone: str = ""
    url: str = ""
    locale: str = "en"
    state: FilePath = STATE
    resolver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeTable(_Table):
    """`[acme]`: the certificate authority, and who we are to it."""

    directory: str = "https://acme-v02.api.letsencrypt.org/directory"
    ca_file: FilePath | None = None
    email: str | None = None
    eab_kid: str | None = None
    eab_key_file: FilePath | None = None
    preferred_chain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTable(_Table):
    """`[[bundle]]`: the names that share a certificate, and how the CA is to check them."""

    name: Label
    names: Annotated[tuple[Name, ...], Within(min_length=1)]
    key: KeyChoice = "ecdsa"
    challenge: Literal["http-01", "dns-01"] = "http-01"
    http_port: Port | None = None
    webroot: FilePath | None = None
    via: Literal["acme", "certbot"] = "acme"
    certbot_args: Words = ()
    dns_hook: str | None = None

    @property
    def keys(self) -> tuple[KeyKind, ...]:
        """The kinds of key that a generation has; `both` is one that is fast, one for everybody."""
        return ("ecdsa", "rsa2048") if self.key == "both" else (self.key,)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTable(_Table):
    """`[[host]]`: a mail host; without `addresses` DNS is asked for its name.

    Where it is a container or a namespace of this machine, `enter` is the command that runs a
    program in it (`docker exec mail`), and `root` is where its files are seen from here.
    """

    name: Host
    addresses: tuple[Host, ...] = ()
    enter: Words = ()
    root: FilePath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTable(_Table):
    """`[[server]]`: a Dovecot or Postfix instance by its own configuration."""

    name: Label
    host: Host
    kind: ServerKind
    config: FilePath
    bundle: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTable(_Table):
    """`[[endpoint]]`: a service that customers use."""

    url: Url
    bundle: Label | None = None
    host: Host | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(_Table):
    """All of certcheck.toml; the field names are the names of its tables."""

    site: SiteTable = field(default_factory=SiteTable)
    acme: AcmeTable = field(default_factory=AcmeTable)
    bundle: tuple[BundleTable, ...] = ()
    host: tuple[HostTable, ...] = ()
    server: tuple[ServerTable, ...] = ()
    endpoint: tuple[EndpointTable, ...] = ()
    expected: Expected = field(default_factory=dict)

    @property
    def resolver(self) -> tuple[str, int] | None:
        """Address and port of `[site] resolver`, or None for the system's."""
        if self.site.resolver is None:
            return None
        where = "[site] resolver"
        address, port = split_port(self.site.resolver, where=where)
        literal = hostname(address)
        if not literal.is_ip:
            raise InputError(f"{address!r} is not an IP address", hint="write ADDRESS[:PORT]")
        return literal.ascii, port or port_number("53", where=where)

    def addresses_of(self, host: Hostname) -> tuple[str, ...]:
        """The addresses that `[[host]]` gives for a host, or none."""
        return tuple(a.ascii for h in self.host if h.name == host for a in h.addresses)

    def addresses_at(self, service: Endpoint) -> tuple[str, ...]:
        """The addresses of the `[[host]]` that has this endpoint, or none."""
        named = next((e.host for e in self.endpoint if e.url.url == service.url and e.host), None)
        return self.addresses_of(named or service.host)

    def bundle_of(self, name: str) -> BundleTable:
        """The `[[bundle]]` of that name; raises InputError."""
        found = next((b for b in self.bundle if b.name == name), None)
        if found is None:
            known = ", ".join(b.name for b in self.bundle) or "none is configured"
            raise InputError(f"no [[bundle]] is called {name!r}", hint=f"known: {known}")
        return found
