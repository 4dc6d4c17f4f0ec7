"""The page that lists the known mail programs: docs/clients.md."""

from collections.abc import Iterator
from itertools import groupby
from typing import get_args

from certcheck.judge.profiles import clients, stacks
from certcheck.judge.stores import stores
from certcheck.model.client import Client, Family

_HEAD = """\
# Mail programs

What `certcheck audit --clients` knows. Generated from the profiles in `certcheck/judge/data/`:
`make docs`. `certcheck clients show ID` has all of one.

Each thing has its evidence. **capture**: the bytes of this very program were seen. **document**:
its maker, its source code, or a page named among the sources says so. **platform**: the TLS or the
roots of the platform stand for the program. **unknown**: no source tells; it is never guessed, and
a prediction that needs it is `unknown`.

"Asks" is what the program does about a certificate that it does not trust, one for another name,
and an expired one, in this order where they differ. The last column is what an exception holds for.
"""


def document() -> str:
    """The text of `docs/clients.md`."""
    families = get_args(Family)
    known = sorted(clients().values(), key=lambda each: (families.index(each.family), each.id))
    parts = [_HEAD]
    for family, programs in groupby(known, key=lambda each: each.family):
        parts.append(f"\n## {family}\n\n" + "\n".join(_table(list(programs))))
    parts.append("\n## TLS stacks\n\n" + "\n".join(_stacks()))
    parts.append("\n## Lists of roots\n\n" + "\n".join(_stores()))
    return "\n".join(parts) + "\n"


def _table(programs: list[Client]) -> Iterator[str]:
    yield "| id | program | years | TLS | roots | asks | exception for |"
    yield "|---|---|---|---|---|---|---|"
    for each in programs:
        cells = (
            f"`{each.id}`",
            f"{each.name}, {each.platform}",
            each.period,
            f"{each.stack.id} ({each.stack_evidence})" if each.stack else "unknown",
            f"{each.store or 'unknown'} ({each.store_evidence})" if each.store else "unknown",
            _asks(each),
            each.asking.scope,
        )
        yield f"| {' | '.join(cells)} |"


def _asks(client: Client) -> str:
    if client.pins:
        return "locked out by any new certificate"
    if client.store == "none":
        return "verifies nothing"
    asking = client.asking
    said = (asking.untrusted, asking.name, asking.expired)
    return said[0] if len(set(said)) == 1 else " / ".join(said)


def _stacks() -> Iterator[str]:
    yield "| stack | what it is | versions | evidence | source |"
    yield "|---|---|---|---|---|"
    for each in stacks().values():
        yield (
            f"| `{each.id}` | {each.name} | {each.span} | {each.evidence} "
            f"| {'; '.join(each.sources)} |"
        )


def _stores() -> Iterator[str]:
    yield "| list | of | as of | roots known | source |"
    yield "|---|---|---|---|---|"
    for each in stores().values():
        unsure = f", {len(each.unsure)} not certain" if each.unsure else ""
        yield (
            f"| `{each.id}` | {each.name} | {each.at} | {len(each.roots)}{unsure} | {each.source} |"
        )
