"""Dovecot 2.3 and 2.4, by the word of doveconf(1)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from certcheck.errors import Obstacle, ServerError
from certcheck.host.door import Host
from certcheck.install.server import Command, Current, Listener, Slot, literal
from certcheck.model.endpoint import Scheme

_OPENING = re.compile(r"(?P<kind>\S+)(?: (?P<name>.*))? \{")
_SETTING = re.compile(r"(?P<key>[^\s=]+) =(?: (?P<value>.*))?")

# Dovecot 2.4 has other names for what 2.3 knows, and no `<` before the paths.
_PAIRS = (
    ("ssl_cert", "ssl_key"),
    ("ssl_alt_cert", "ssl_alt_key"),
    ("ssl_server_cert_file", "ssl_server_key_file"),
    ("ssl_server_alt_cert_file", "ssl_server_alt_key_file"),
)
# It prints `ssl_server_cert_file` as `cert_file` in a block of this name.
_GROUP = "ssl_server"

# Protocol of a service -> scheme on a plain listener, and on one that starts with TLS.
_SCHEMES: dict[str, tuple[Scheme, Scheme | None]] = {
    "imap": ("imap", "imaps"),
    "pop3": ("pop3", "pop3s"),
    "submission": ("submission", "submissions"),
    "sieve": ("sieve", None),
    "lmtp": ("lmtp", None),
}


@dataclass(slots=True)
class _Block:
    """One `{ }` of the configuration, the whole of it being the outermost."""

    kind: str = ""
    name: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    blocks: list["_Block"] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dovecot:
    """A Dovecot instance that is configured by `config`, such as /etc/dovecot/dovecot.conf."""

    name: str
    config: Path
    host: Host

    def current(self) -> Current:
        """As the protocol says: the slots of the main settings, `local_name`, `local`, `protocol`.

        doveconf(1) prints the whole configuration, defaults and included files in it.
        """
        self.host.read(self.config)  # a file, and no directory of Postfix's
        # -P: print `ssl_key` instead of "hidden"; it names a path, the key itself stays unread.
        # -a: with the defaults, which 2.4 leaves out otherwise.
        whole = _parsed(self._told("-a", "-P"))
        # Even so 2.4 leaves out the services that nobody has changed.
        newer = "dovecot_config_version" in whole.settings
        services = _parsed(self._told("service")) if newer else whole
        cert, key = _PAIRS[2] if newer else _PAIRS[0]
        if whole.settings.get("ssl") == "no":
            raise ServerError(
                f"{self.config} says ssl = no: this Dovecot offers no TLS", hint="set ssl = yes"
            )
        everything = Slot(server=self.name, label="", chain=Path(), key=Path())
        return Current(
            slots=tuple(self._slots(whole, everything, {})),
            listeners=tuple(_listeners(whole, services)),
            one_file=f"let {cert} and {key} name one file, with the key before the chain",
        )

    def check(self) -> Command:
        """As the protocol says; -x also opens the files that are named with `<`."""
        return Command(kind="check_config", argv=("doveconf", "-n", "-x", "-c", str(self.config)))

    def activate(self, changed: Sequence[Slot]) -> tuple[Command, ...]:  # noqa: ARG002 - the seam
        """As the protocol says: Dovecot reads certificates when it is reloaded."""
        return (Command(kind="reload", argv=("doveadm", "-c", str(self.config), "reload")),)

    def impact(self) -> str:
        """As the protocol says; by default Dovecot closes logged-in sessions after a reload."""
        sessions = self._sessions()
        counted = {None: "all logged-in sessions", 1: "1 logged-in session"}
        which = counted.get(sessions, f"{sessions} logged-in sessions")
        # Not by -h, which 2.4 refuses for a setting that it knows twice.
        told = _parsed(self._told("shutdown_clients"))
        if told.settings.get("shutdown_clients") == "no":
            return f"{which} will go on, with the old certificate"
        return (
            f"the reload ends {which} within seconds, and mail programs log in again by "
            "themselves; shutdown_clients = no lets them go on"
        )

    def _sessions(self) -> int | None:
        try:
            done = self.host.run(["doveadm", "-c", str(self.config), "who", "-1"])
        except Obstacle:
            return None
        # The first line is the heading.
        return None if done.code else max(0, len(done.stdout.splitlines()) - 1)

    def _told(self, *options: str) -> str:
        done = self.host.run(["doveconf", "-c", str(self.config), *options])
        if done.code != 0:
            raise ServerError(
                f"Dovecot refuses {self.config}: {done.complaint}", hint="correct its configuration"
            )
        return done.stdout

    def _slots(self, block: _Block, scope: Slot, around: Mapping[str, str]) -> Iterator[Slot]:
        # What a block leaves out it takes from around it, such as one key for two certificates.
        settings = {**around, **block.settings}
        for cert, key in _PAIRS:
            own = block.settings.get(cert) or block.settings.get(key)
            if own and settings.get(cert):
                yield replace(
                    scope,
                    label=f"{scope.label or 'default'} {cert}",
                    chain=self._path(settings[cert], cert),
                    key=self._path(settings.get(key, ""), key),
                )
        for inner in block.blocks:
            if inner.kind in {"local_name", "local", "protocol"}:
                yield from self._slots(inner, _narrowed(scope, inner), settings)

    def _path(self, value: str, setting: str) -> Path:
        bare = value.removeprefix("<").strip().strip('"')
        if not bare.startswith("/"):
            raise ServerError(
                f"{self.config}: {setting} names no file by its full path",
                hint=f"write {setting} = {'' if _GROUP in setting else '<'}/path/to/file",
            )
        return Path(bare)


def _narrowed(scope: Slot, block: _Block) -> Slot:
    words = tuple(block.name.strip('"').split())
    return replace(
        scope,
        label=f"{scope.label} {block.kind} {block.name}".strip(),
        names=words if block.kind == "local_name" else scope.names,
        networks=words if block.kind == "local" else scope.networks,
        protocol=block.name if block.kind == "protocol" else scope.protocol,
    )


def _parsed(text: str) -> _Block:
    whole = _Block()
    path = [whole]
    for line in map(str.strip, text.splitlines()):
        if line == "}":
            path.pop()
        elif line.startswith("#"):
            continue
        # First: a value may end in a brace.
        elif setting := _SETTING.fullmatch(line):
            path[-1].settings[setting["key"]] = setting["value"] or ""
        elif opening := _OPENING.fullmatch(line):
            block = _Block(kind=opening["kind"], name=opening["name"] or "")
            path[-1].blocks.append(block)
            path.append(block)
    _flatten(whole)
    return whole


def _flatten(block: _Block) -> None:
    for inner in block.blocks:
        _flatten(inner)
        if inner.kind == _GROUP:
            block.settings |= {f"{_GROUP}_{key}": value for key, value in inner.settings.items()}


def _listeners(whole: _Block, services: _Block) -> Iterator[Listener]:
    served = set(whole.settings.get("protocols", "").split())
    everywhere = _addresses(whole.settings.get("listen", "")) or [None]
    for service in (b for b in services.blocks if b.kind == "service"):
        protocol = service.settings.get("protocol", service.name.removesuffix("-login"))
        if protocol not in served or protocol not in _SCHEMES:
            continue
        plain, implicit = _SCHEMES[protocol]
        for listener in (b for b in service.blocks if b.kind == "inet_listener"):
            port = int(listener.settings.get("port", "0"))
            scheme = implicit if listener.settings.get("ssl") == "yes" else plain
            if port and scheme:
                # `listen` in 2.4
                named = listener.settings.get("address") or listener.settings.get("listen", "")
                own = _addresses(named)
                for address in own or everywhere:
                    yield Listener(scheme=scheme, address=address, port=port)


def _addresses(text: str) -> list[str | None]:
    return list(dict.fromkeys(map(literal, text.replace(",", " ").split())))
