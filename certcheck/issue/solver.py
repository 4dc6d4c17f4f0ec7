"""The seam to whatever shows a certificate authority that a name is ours."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One challenge of one authorization (RFC 8555 8).

    `name` is the identifier without a wildcard's `*.`. `key_authorization` is the text that the
    authority looks for: with http-01 the body of the answer, with dns-01 the TXT value.
    """

    kind: str
    name: str
    token: str
    key_authorization: str


class ChallengeSolver(Protocol):
    """Presents challenges of one `kind`, such as "http-01".

    Several challenges of one order are presented at the same time. `presented` raises Obstacle
    when it cannot; whatever it put up is gone when the context ends, on every way out. `place` is
    all that another run needs to take down what a killed one left (see `leftovers`); it is read
    just before each challenge is presented.
    """

    kind: str

    @property
    def place(self) -> str:
        """Where it presents: a directory, a port, a program."""
        ...

    def presented(self, challenge: Challenge) -> AbstractContextManager[None]:
        """A context in which the authority can see the challenge, once `ready` has returned."""
        ...

    def ready(self) -> None:
        """Return when the authority can see everything that is presented now.

        Raises Obstacle when it will not, so that no challenge is spent.
        """
        ...

    def take_down(self, challenge: Challenge) -> None:
        """Remove what is left of a challenge, if anything; raises Obstacle when it cannot."""
        ...
