"""What a sweep has told already, in this run and in earlier ones: small, however much it is."""

from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation, Outcome


class Ledger:
    """Which endpoints are done or in work, how many rows there are, and whether all was seen.

    Of an endpoint that is done it keeps a hash of 64 bits: 100,000 of them are some 8 MB.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.missing = False
        self._begun: set[int] = set()
        self._closed: set[int] = set()
        self._parts: dict[str, set[str | None]] = {}

    def recall(self, url: str, address: str | None, outcome: Outcome, *, addresses: int) -> None:
        """A row of an earlier run: one of as many as the endpoint had addresses."""
        self.rows += 1
        told = self._parts.setdefault(url, set())
        told.add(address)
        if len(told) >= addresses:
            del self._parts[url]
            self._begun.add(hash(url))
        if outcome == "closed":
            self._closed.add(hash(url))
        else:
            self.missing |= outcome != "seen"

    def begin(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint is still to be asked; from now on it is in work."""
        number = hash(endpoint.url)
        self.missing |= endpoint.expected and number in self._closed
        new = number not in self._begun
        self._begun.add(number)
        return new

    def has(self, endpoint: Endpoint, address: str | None) -> bool:
        """Whether an earlier run has told of this address of an endpoint that it did not finish."""
        return address in self._parts.get(endpoint.url, ())

    def enter(self, endpoint: Endpoint, observation: Observation) -> int:
        """The number of the new row."""
        self.rows += 1
        # Of a bare host's usual ports a closed one is no more than information.
        unseen = endpoint.expected or observation.outcome != "closed"
        self.missing |= observation.outcome != "seen" and unseen
        return self.rows
