"""Postfix 3.4 and newer, by the word of postconf(1)."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from certcheck.errors import Obstacle, ServerError
from certcheck.host.door import Host
from certcheck.install.server import Command, Current, Listener, Slot, literal
from certcheck.model.endpoint import PORTS, Scheme

_EC_CERT = "smtpd_tls_eccert_file"
_PAIRS = (
    ("smtpd_tls_cert_file", "smtpd_tls_key_file"),
    (_EC_CERT, "smtpd_tls_eckey_file"),
)
_CHAIN_FILES = "smtpd_tls_chain_files"
_SNI = "tls_server_sni_maps"
_SETTINGS = (
    *(name for pair in _PAIRS for name in pair),
    _CHAIN_FILES,
    _SNI,
    "inet_interfaces",
    "smtpd_enforce_tls",
    "smtpd_tls_security_level",
    "smtpd_tls_wrappermode",
    "smtpd_use_tls",
)
# The kinds of table that postmap(1) makes from a text file; DATABASE_README.
_TABLES = frozenset({"hash", "btree", "lmdb", "cdb", "dbm", "sdbm"})
# Names in /etc/services that master.cf uses; Debian's file calls port 465 by two names.
_SERVICES = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "urd": 465}

_SERVICE = re.compile(r"(?P<service>\S+)\s+inet\s+(?:\S+\s+){5}(?P<program>smtpd|postscreen)\b.*")
_OVERRIDE = re.compile(r"(?P<service>.+)/inet/(?P<name>\w+) =(?: (?P<value>.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postfix:
    """A Postfix instance that is configured in the directory `config`, such as /etc/postfix."""

    name: str
    config: Path
    host: Host

    def current(self) -> Current:
        """As the protocol says: main.cf, the overrides of each service, and the SNI tables."""
        if not self.host.privileged:
            raise Obstacle(
                "only root may look into Postfix's keys and reload it", hint="run as root"
            )
        main = self._settings()
        overrides = self._overrides()
        services = [m for line in self._lines("-M") if (m := _SERVICE.fullmatch(line))]
        slots: dict[tuple[object, ...], Slot] = {}
        listeners: list[Listener] = []
        known = {m["service"]: {**main, **overrides.get(m["service"], {})} for m in services}
        secured = {service: each for service, each in known.items() if _offers_tls(each)}
        one_table = {each[_SNI] for each in secured.values()} <= {main[_SNI]}
        for service, settings in secured.items():
            listeners += _listeners(service, settings)
            here = self._scope(service)
            everywhere = Slot(server=self.name, label="default", chain=Path(), key=Path())
            shared = list(_files(settings)) == list(_files(main))
            found = (
                *_file_slots(everywhere if shared else here, settings),
                *self._sni_slots(everywhere if one_table else here, settings[_SNI]),
            )
            for slot in found:
                slots.setdefault((slot.chain, slot.names, slot.networks, slot.port), slot)
        return Current(
            slots=tuple(slots.values()),
            listeners=tuple(listeners),
            one_file=f"let {_CHAIN_FILES} name one file, with the key before the chain",
        )

    def check(self) -> Command:
        """As the protocol says; it proves nothing about certificates."""
        return Command(kind="check_config", argv=("postfix", "-c", str(self.config), "check"))

    def activate(self, changed: Sequence[Slot]) -> tuple[Command, ...]:
        """As the protocol says: SNI tables hold the files' content, then a reload for smtpd(8)."""
        tables = dict.fromkeys(slot.table for slot in changed if slot.table)
        return (
            *(
                Command(kind="rebuild_map", argv=("postmap", "-c", str(self.config), "-F", table))
                for table in tables
            ),
            Command(kind="reload", argv=("postfix", "-c", str(self.config), "reload")),
        )

    def impact(self) -> str:
        """As the protocol says; postfix(1): processes go after their current client."""
        return "the reload lets running sessions end by themselves"

    def _lines(self, *options: str) -> list[str]:
        done = self.host.run(["postconf", "-c", str(self.config), *options])
        if done.code != 0:
            raise ServerError(
                f"Postfix refuses {self.config}: {done.complaint}", hint="correct its configuration"
            )
        return done.stdout.splitlines()

    def _settings(self) -> dict[str, str]:
        pairs = (line.partition(" =") for line in self._lines("-x", *_SETTINGS))
        return {name: value.strip() for name, _, value in pairs}

    def _overrides(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for line in self._lines("-x", "-P", "*/inet/*"):
            if match := _OVERRIDE.fullmatch(line):
                found.setdefault(match["service"], {})[match["name"]] = match["value"] or ""
        return found

    def _scope(self, service: str) -> Slot:
        """A slot of that service alone: its port, and its address where it has one."""
        address = literal(service.rpartition(":")[0])
        return Slot(
            server=self.name,
            label=f"service {service}",
            chain=Path(),
            key=Path(),
            networks=(address,) if address else (),
            port=_port(service),
        )

    def _sni_slots(self, scope: Slot, tables: str) -> Iterator[Slot]:
        for table in tables.replace(",", " ").split():
            kind, _, path = table.partition(":")
            if kind not in _TABLES or not path:
                raise ServerError(
                    f"{self.config}: {_SNI} = {tables} is a kind of table that certcheck cannot "
                    "rebuild",
                    hint="use hash: or lmdb:, made with postmap -F",
                )
            text = self.host.read(Path(path)).data.decode(errors="replace")
            for name, files in _rows(text):
                # postmap(1): a leading dot stands for every name one label below.
                names = (f"*{name}" if name.startswith(".") else name,)
                for p in files:
                    yield replace(
                        scope,
                        label=f"{_SNI} {name}",
                        chain=p,
                        key=p,
                        names=names,
                        table=table,
                        several=True,
                    )


def _file_slots(scope: Slot, settings: Mapping[str, str]) -> Iterator[Slot]:
    for name, chain, key in _files(settings):
        yield replace(
            scope,
            label=f"{scope.label} {name}",
            chain=chain,
            key=key,
            several=name == _CHAIN_FILES,
            wants="ecdsa" if name == _EC_CERT else None,
        )


def _rows(text: str) -> Iterator[tuple[str, list[Path]]]:
    """The rows of a postmap(1) table: a line that starts with white space continues the last."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and lines:
            lines[-1] += line
        else:
            lines.append(line)
    for line in lines:
        name, *files = line.replace(",", " ").split()
        if files:
            yield name, [Path(word) for word in files]


def _files(settings: Mapping[str, str]) -> Iterator[tuple[str, Path, Path]]:
    chains = settings[_CHAIN_FILES].replace(",", " ").split()
    if chains:  # postconf(5): with chain files the older pairs are ignored
        yield from ((_CHAIN_FILES, Path(path), Path(path)) for path in chains)
        return
    for cert, key in _PAIRS:
        if settings[cert] and settings[cert] != "none":
            yield cert, Path(settings[cert]), Path(settings[key] or settings[cert])


def _offers_tls(settings: Mapping[str, str]) -> bool:
    level = settings["smtpd_tls_security_level"]
    if settings["smtpd_tls_wrappermode"] == "yes" or level in {"may", "encrypt"}:
        return True
    return not level and "yes" in {settings["smtpd_use_tls"], settings["smtpd_enforce_tls"]}


def _listeners(service: str, settings: Mapping[str, str]) -> Iterator[Listener]:
    address, _, _ = service.rpartition(":")
    port = _port(service)
    wrapped = settings["smtpd_tls_wrappermode"] == "yes"
    plain: Scheme = "submission" if port == PORTS["submission"] else "smtp"
    scheme: Scheme = "submissions" if wrapped else plain
    words = [address] if address else settings["inet_interfaces"].replace(",", " ").split()
    for one in dict.fromkeys(map(literal, words)):
        yield Listener(scheme=scheme, address=one, port=port)


def _port(service: str) -> int:
    name = service.rpartition(":")[2]
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return _SERVICES.get(name) or socket.getservbyname(name, "tcp")
    except OSError as e:
        raise ServerError(
            f"master.cf: service {service} has no port that this machine knows",
            hint="write its port as a number",
        ) from e
