"""Writes docs/clients-proof.md from what the last runs have recorded."""

from collections.abc import Iterator, Sequence

from tests.clients.pairs import HEAVY, LIGHT, Pair, read
from tests.clients.shapes import SHAPES

_HEAD = """\
# What was predicted of mail programs, and what they did

Real programs connect to a real Dovecot and a real Postfix of each shape below. certcheck looks at
the same servers as `certcheck audit --depth hellos` does, and says before what each will do. The
prediction is by rules alone, without the answers to the hellos of the programs. The lab's CA counts
as trusted, as each program is told to trust it.

`make test` runs the light programs and compares with this page, `make test-clients` runs the heavy
ones; `python -m tests.clients light heavy` and then `make docs` write it.
"""


def document() -> str:
    """The whole page."""
    found = (*read(LIGHT), *read(HEAVY))
    return "\n".join((_HEAD, *_sums(found), "", *_shapes(), "", *_pairs(found))) + "\n"


def _sums(found: Sequence[Pair]) -> Iterator[str]:
    agreed = sum(each.agreed for each in found)
    yield f"{agreed} of {len(found)} pairs agree."
    yield "\n## Programs\n\n| program | stands for it | agreed | of |\n| --- | --- | ---: | ---: |"
    for program in dict.fromkeys(each.program for each in found):
        own = [each for each in found if each.program == program]
        right = sum(each.agreed for each in own)
        yield f"| {program} | `{own[0].client}` | {right} | {len(own)} |"


def _shapes() -> Iterator[str]:
    yield "## Servers\n\n| shape | what it is |\n| --- | --- |"
    yield from (f"| {each.id} | {each.title} |" for each in SHAPES)


def _pairs(found: Sequence[Pair]) -> Iterator[str]:
    yield "## Pairs\n"
    yield "| program | shape | prediction | reality | agreed | why, by the prediction |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for each in found:
        words = (each.predicted, each.happened, "yes" if each.agreed else "**no**", each.reason)
        yield f"| {each.program} | {each.shape} | {' | '.join(words)} |".replace("  |", " |")
