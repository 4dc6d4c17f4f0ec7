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
    when it cannot; whatever it put up is gone when the context ends, on every way out.
    """

    kind: str

    def presented(self, challenge: Challenge) -> AbstractContextManager[None]:
        """A context in which the authority can see the challenge, once `ready` has returned."""
        ...

    def ready(self) -> None:
        """Return when the authority can see everything that is presented now.

        Raises Obstacle when it will not, so that no challenge is spent.
        """
        ...
