"""The seam between a crossing and who may know the answer to its question."""

from contextlib import AsyncExitStack
from typing import Protocol

from certcheck.probe.crossing import Answered, Crossing, Trouble


class Way(Protocol):
    """A way to an answer: by the crossing's own connection, by memory, or by other questions."""

    async def result(
        self, crossing: Crossing, connection: AsyncExitStack
    ) -> Answered | Trouble | bytes | None:
        """As that of the crossing itself; or a refusal that is known, as bytes."""
