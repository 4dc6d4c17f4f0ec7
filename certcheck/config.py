"""certcheck.toml becomes a `Site`: every text in it becomes a type here, once."""

import difflib
import os
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic import ValidationInfo as Info
from pydantic_core import ErrorDetails

from certcheck.errors import InputError
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.names import hostname
from certcheck.targets import endpoint, port_number, split_port
from certcheck.x509 import KeyKind

ServerKind = Literal["dovecot", "postfix"]
KeyChoice = Literal[KeyKind, "both"]

PLACES = (Path("certcheck.toml"), Path("/etc/certcheck/certcheck.toml"))
STATE = Path("/var/lib/certcheck")

_MAX_BYTES = 1024 * 1024


def _name(text: Any) -> Any:
    try:
        return hostname(text, wildcard=True) if isinstance(text, str) else text
    except InputError as e:
        raise ValueError(e.message) from e


def _url(text: Any) -> Any:
    try:
        return endpoint(text) if isinstance(text, str) else text
    except InputError as e:
        raise ValueError(e.message) from e


def _path(text: Any, info: Info) -> Any:
    if not isinstance(text, str):
        return text
    if "\0" in text:
        raise ValueError("a path has no null byte")
    return Path(info.context["base"] if info.context else "", text).absolute()


def words(text: Any) -> Any:
    """Text as arguments for a program, taken apart as a shell does; raises ValueError."""
    if isinstance(text, str) and "\0" in text:
        raise ValueError("an argument has no null byte")
    return tuple(shlex.split(text)) if isinstance(text, str) else text


Name = Annotated[Hostname, BeforeValidator(_name)]
Url = Annotated[Endpoint, BeforeValidator(_url)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
FilePath = Annotated[Path, BeforeValidator(_path)]
Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class _Table:
    """Every table of the file: a key that it does not know is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


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
    names: Annotated[tuple[Name, ...], Field(min_length=1)]
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
    """`[[host]]`: a mail host; without `addresses` DNS is asked for its name."""

    name: Name
    addresses: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTable(_Table):
    """`[[server]]`: a Dovecot or Postfix instance by its own configuration."""

    name: Label
    host: Name
    kind: ServerKind
    config: FilePath
    bundle: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTable(_Table):
    """`[[endpoint]]`: a service that customers use."""

    url: Url
    bundle: Label | None = None
    host: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(_Table):
    """All of certcheck.toml; the field names are the names of its tables."""

    site: SiteTable = field(default_factory=SiteTable)
    acme: AcmeTable = field(default_factory=AcmeTable)
    bundle: tuple[BundleTable, ...] = ()
    host: tuple[HostTable, ...] = ()
    server: tuple[ServerTable, ...] = ()
    endpoint: tuple[EndpointTable, ...] = ()

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


def load(given: Path | None) -> tuple[Site, Path | None]:
    """The site of `given`, else of the first file in PLACES, else an empty one; and its path.

    Raises InputError with every fault of the file.
    """
    path = given or next(filter(_is_there, PLACES), None)
    if path is None:
        return Site(), None
    if given is None:
        _refuse_foreign(path)
    return _parsed(_text(path), path), path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # a directory that this user may not search is none of its configuration


def _refuse_foreign(path: Path) -> None:
    # A file planted in a shared folder would otherwise choose which programs root runs.
    if path.stat().st_uid not in {0, os.geteuid()}:
        raise InputError(f"{path} belongs to another user", hint=f"say so with -c {path}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}", hint="give another with -c") from e
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path} is larger than 1 MiB", hint="this is no certcheck.toml")
    try:
        return data.decode()
    except UnicodeDecodeError as e:
        raise InputError(f"{path} is not UTF-8 at byte {e.start}", hint="save it as UTF-8") from e


def _parsed(text: str, path: Path) -> Site:
    try:
        raw = tomllib.loads(text)
        site = TypeAdapter(Site).validate_python(raw, context={"base": path.parent})
    except ValidationError as e:
        faults = [_fault(error) for error in e.errors()]
        raise InputError(f"{path}: {'; '.join(faults)}", hint="correct the file") from e
    except (ValueError, RecursionError) as e:  # tomllib's own, and what huge numbers make of it
        raise InputError(f"{path}: {e}", hint="correct the file") from e
    faults = list(_contradictions(site))
    if faults:
        raise InputError(f"{path}: {'; '.join(faults)}", hint="correct the file")
    return site


def _fault(error: ErrorDetails) -> str:
    names = [part for part in error["loc"] if isinstance(part, str)]
    last = names[-1] if names else "the file"
    where = _where(error["loc"])
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        near = difflib.get_close_matches(last, _keys(names), n=1)
        return f"{where}unknown key {last!r}" + (f" (meant {near[0]!r}?)" if near else "")
    if error["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        return f"{where}key {last!r} is missing"
    return f"{where}{last}: {error['msg'].removeprefix('Value error, ')}"


def _where(place: tuple[int | str, ...]) -> str:
    match place:
        case (str() as table, int() as number, *_):
            return f"[[{table}]] {number + 1}: "
        case (str() as table, _, *_):
            return f"[{table}] "
        case _:
            return ""


def _keys(names: list[str]) -> list[str]:
    tables = {f.name: f.type for f in fields(Site)}
    if len(names) < 2:  # noqa: PLR2004 - a key below a table has a table and a key
        return list(tables)
    kinds = (tables.get(names[0]), *get_args(tables.get(names[0])))
    return [f.name for kind in kinds if is_dataclass(kind) for f in fields(kind)]


def _contradictions(site: Site) -> Iterator[str]:
    try:
        _ = site.resolver
    except InputError as error:
        yield f"[site] resolver: {error.message}"
    yield from _twice("bundle", [b.name for b in site.bundle])
    yield from _twice("server", [s.name for s in site.server])
    yield from _idle_arguments(site)
    for bundle in site.bundle:
        yield from (f"[[bundle]] {bundle.name}: {fault}" for fault in _challenge_faults(bundle))
    for server in site.server:
        yield from _unknown(site, f"[[server]] {server.name}", server.bundle, server.host)
    for e in site.endpoint:
        yield from _unknown(site, f"[[endpoint]] {e.url.url}", e.bundle, e.host)
    for host in site.host:
        for a in host.addresses:
            if not a.is_ip:
                yield f"[[host]] {host.name.ascii}: {a.ascii!r} is not an IP address"


def _idle_arguments(site: Site) -> Iterator[str]:
    idle = (b.name for b in site.bundle if b.certbot_args and b.via != "certbot")
    yield from (f'[[bundle]] {name}: certbot_args without via = "certbot"' for name in idle)


def _challenge_faults(bundle: BundleTable) -> Iterator[str]:
    by_dns = bundle.challenge == "dns-01"
    if by_dns and bundle.dns_hook is None:
        yield 'challenge = "dns-01" needs a dns_hook'
    if bundle.dns_hook is not None and not by_dns:
        yield 'dns_hook needs challenge = "dns-01"'
    if by_dns and (bundle.webroot or bundle.http_port):
        yield 'webroot and http_port are for challenge = "http-01"'


def _twice(kind: str, names: list[str]) -> Iterator[str]:
    yield from (f"two [[{kind}]] are called {n!r}" for n in set(names) if names.count(n) > 1)


def _unknown(site: Site, where: str, bundle: str | None, host: Hostname | None) -> Iterator[str]:
    if bundle is not None and bundle not in {b.name for b in site.bundle}:
        yield f"{where}: no [[bundle]] is called {bundle!r}"
    if host is not None and host not in {h.name for h in site.host}:
        yield f"{where}: no [[host]] is called {host.ascii!r}"
