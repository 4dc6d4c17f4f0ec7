"""A message's way through a mail host, leg by leg: accepted, delivered, fetched, removed."""

from dataclasses import dataclass
from typing import Literal

# `failed`: the server would not. `not_seen`: it could not be asked, or puts us off.
LegOutcome = Literal["passed", "failed", "not_seen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg, such as `submission 587`, `smtp 25`, `imap`, `pop3` or `removed`."""

    name: str
    endpoint: str
    address: str
    outcome: LegOutcome
    seconds: float
    detail: str = ""
