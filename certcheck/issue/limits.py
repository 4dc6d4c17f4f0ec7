"""What an authority asked us to wait for: kept on the disk, and obeyed by every later run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acme import errors
from pydantic import TypeAdapter, ValidationError

from certcheck.errors import CaError, Obstacle, listed
from certcheck.issue.account import account_home
from certcheck.issue.client import Network
from certcheck.issue.trouble import is_limit, seconds_asked
from certcheck.store import private

_LONGEST = timedelta(days=30)  # no authority asks for more: a broken answer must not stop us
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Nothing before `until`: for a set of names, or for the whole account without any."""

    until: datetime
    names: frozenset[str] = frozenset()


_LIMITS = TypeAdapter(tuple[Limit, ...])


def refuse_held_back(state: Path, directory: str, names: Sequence[str]) -> None:
    """Raise CaError while the authority has asked to wait with these names, or with everything."""
    held = [e for e in _kept(state, directory) if not e.names or e.names == frozenset(names)]
    for limit in held:
        what = f"to order {listed(names, most=_SHOWN)}" if limit.names else "to be asked at all"
        # Rounded up: at the minute that is told it must be over.
        until = limit.until + timedelta(seconds=59)
        raise CaError(
            f"{directory} asked not {what} before {until:%F %R} UTC",
            hint="wait until then: a try before that counts as well",
        )


@contextmanager
def remembered(state: Path, directory: str, names: Sequence[str], net: Network) -> Iterator[None]:
    """A context in which a limit that comes with a time is kept for later runs.

    Without names it is one of the account.
    """
    try:
        yield
    except (errors.Error, CaError) as e:
        now = datetime.now(UTC)
        asked = seconds_asked(net.refusal, now=now) if net.refusal is not None else None
        if asked and is_limit(e.__cause__ if isinstance(e, CaError) else e, net.refusal):
            until = now + min(timedelta(seconds=asked), _LONGEST)
            _keep(state, directory, Limit(until=until, names=frozenset(names)))
        raise


def _kept(state: Path, directory: str) -> tuple[Limit, ...]:
    """The limits that are not over; a file that cannot be read holds none."""
    found: tuple[Limit, ...] = ()
    with suppress(Obstacle, ValidationError):
        found = _LIMITS.validate_json(private.read(_file(state, directory)))
    now = datetime.now(UTC)
    return tuple(limit for limit in found if now < limit.until < now + _LONGEST)


def _keep(state: Path, directory: str, limit: Limit) -> None:
    others = [each for each in _kept(state, directory) if each.names != limit.names]
    data = _LIMITS.dump_json((*others, limit), indent=1)
    with suppress(Obstacle):  # what the authority says is told in any case
        private.replace(_file(state, directory), data + b"\n")


def _file(state: Path, directory: str) -> Path:
    return account_home(state, directory) / "limits.json"
