"""What a watch says on stderr while it goes on: a line for each change, and how it stands."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certcheck.cli import wiring
from certcheck.errors import listed

if TYPE_CHECKING:
    from certcheck.workflow.watch import Standing

_SHOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """Where news go, and how the watch stands each second."""

    tell: Callable[[str], None]
    stand: Callable[["Standing"], None]


@contextmanager
def followed(*, quiet: bool) -> Iterator[Following]:
    """News as lines; on a terminal a last line, too, that says how the watch stands."""
    if quiet or not sys.stderr.isatty():
        yield Following(tell=(lambda _: None) if quiet else wiring.note, stand=lambda _: None)
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from certcheck.report.text import safe

    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def tell(line: str) -> None:
            console.print(Text(f"  {safe(line)}"), soft_wrap=True)

        def stand(standing: "Standing") -> None:
            text = Text(safe(stands(standing)), no_wrap=True, overflow="ellipsis")
            live.update(text, refresh=True)

        yield Following(tell=tell, stand=stand)


def stands(standing: "Standing") -> str:
    """`8 ports, 2 min 3 s; 1 away: IMAP mail.example.org:143 STARTTLS at 192.0.2.7`."""
    from certcheck.report.facts import count, duration

    start = f"{count(standing.ports, 'port')}, {duration(standing.seconds)}"
    if not standing.away:
        return f"{start}; none is away"
    return f"{start}; {len(standing.away)} away: {listed(standing.away, most=_SHOWN)}"
