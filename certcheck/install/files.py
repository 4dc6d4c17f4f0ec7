"""Which file gets which content, and what stands in the way of replacing it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from certcheck import x509
from certcheck.errors import InputError, Obstacle
from certcheck.host.door import FileState, Host
from certcheck.install.filling import Filling, Fillings
from certcheck.install.server import Slot

_PEM = re.compile(rb"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)
# What configuration management writes into the files that it will write again.
_MANAGED = re.compile(
    rb"(?im)^.*\b(ansible|puppet|chef|salt|saltstack|cfengine|managed by|do not edit)\b.*$"
)
_OTHERS = 0o007


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A slot that names a file, what it shall hold, and what the file would then contain."""

    slot: Slot
    filling: Filling | None
    data: bytes = field(repr=False)
    secret: bool

    @property
    def title(self) -> str:
        """`dovecot default ssl_cert: mail/3 (ecdsa)`."""
        kinds = (pair.leaf.key_type for pair in self.filling.pairs) if self.filling else ()
        held = f"{self.filling.ref} ({', '.join(kinds)})" if self.filling else "kept"
        return f"{self.slot.server} {self.slot.label}: {held}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A file with the content that it shall get, and the slots that name it.

    `secret` tells whether a private key is written into it.
    """

    server: str
    before: FileState
    data: bytes = field(repr=False)
    slots: tuple[Slot, ...]
    secret: bool

    @property
    def changes(self) -> bool:
        """Whether anything is to be written at all."""
        return self.data != self.before.data

    @property
    def like(self) -> FileState:
        """The old file, whose owner, mode and attributes the new one gets; never for others."""
        keep = ~_OTHERS if self.secret else ~0
        return replace(self.before, mode=self.before.mode & keep)


def swaps(filled: Fillings, host: Host) -> tuple[Swap, ...]:
    """The files that shall hold something, each once, links followed.

    Raises InputError when one file would have to hold two things, Obstacle when a file cannot be
    read, or must not or cannot be replaced.
    """
    files: dict[Path, list[_Use]] = {}
    states: dict[Path, FileState] = {}
    for slot, filling in filled.items():
        for path, use in _uses(slot, filling):
            state = host.read(path)
            states[state.path] = state
            files.setdefault(state.path, []).append(use)
    wanted = {path: uses for path, uses in files.items() if any(use.filling for use in uses)}
    found = [_swap(states[path], uses) for path, uses in wanted.items()]
    for each in found:
        if each.changes:
            refuse_barred(each.before)
    return tuple(found)


def readable_by_all(found: Sequence[Swap]) -> Iterator[str]:
    """A note for each key that everybody can read today, and soon will not."""
    for each in found:
        if each.changes and each.like.mode != each.before.mode:
            yield (
                f"{each.before.path} holds a key and others can use it (mode "
                f"{each.before.mode:04o}); the new one gets {each.like.mode:04o}"
            )


def _swap(state: FileState, uses: Sequence[_Use]) -> Swap:
    contents = {(use.filling.ref if use.filling else "", use.data) for use in uses}
    if len(contents) > 1:
        who = "; ".join(use.title for use in uses)
        raise InputError(
            f"{state.path} would have to hold different things: {who}",
            hint="give each its own file in the server's configuration",
        )
    return Swap(
        server=uses[0].slot.server,
        before=state,
        data=uses[0].data,
        slots=tuple(use.slot for use in uses),
        secret=any(use.secret for use in uses),
    )


def _uses(slot: Slot, filling: Filling | None) -> Iterator[tuple[Path, _Use]]:
    pairs = [(pair.key_pem, x509.pem(pair.chain)) for pair in filling.pairs] if filling else []
    chains = b"".join(chain for _, chain in pairs)
    keys = b"".join(key for key, _ in pairs)
    if slot.chain == slot.key:
        # Postfix wants each key before its chain: postconf(5), smtpd_tls_chain_files.
        both = b"".join(key + chain for key, chain in pairs)
        yield slot.chain, _Use(slot=slot, filling=filling, data=both, secret=True)
    else:
        yield slot.chain, _Use(slot=slot, filling=filling, data=chains, secret=False)
        # Last, so that the pair is broken for as short as can be.
        yield slot.key, _Use(slot=slot, filling=filling, data=keys, secret=True)


def refuse_barred(before: FileState) -> None:
    """Raise Obstacle for a file that must not or cannot be replaced."""
    path = before.path
    if managed := _MANAGED.search(_PEM.sub(b"", before.data)):
        said = managed[0].decode(errors="backslashreplace").strip()
        raise Obstacle(
            f"{path} belongs to configuration management, which would write it again: {said[:80]}",
            hint="let that install the certificate, or name another file in the server's settings",
        )
    if before.barred:
        raise Obstacle(f"{path} cannot be replaced: {before.barred}", hint="mend that first")
