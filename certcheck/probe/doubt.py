"""What a scan learns of a server's way to say no, and what of its result stays in doubt."""

from collections import Counter

CONFIRMED = 3
CONFIRMED_ON_BAD_LINE = 8
# From here on the result is lost anyway: ask no more.
_HOPELESS = 10


class Doubt:
    """The memory of one scan.

    A bare EOF for an answer is ambiguous: Dovecot refuses that way, and a bad line looks the same.
    It counts as a refusal when it comes each time; how often it must come depends on the line.
    """

    def __init__(self, *, bad_line: bool = False) -> None:
        self.connections = 0
        self.bad_line = bad_line
        self._taints: Counter[str] = Counter()
        self._refuses_by_alert: set[bytes] = set()
        self._weak_refusals = 0

    @property
    def hopeless(self) -> bool:
        """Whether so much is tainted that further questions are a waste."""
        return self._taints.total() >= _HOPELESS

    def taints(self) -> tuple[str, ...]:
        """Why the result is not certain, as sentences; none for a clean scan."""
        texts = [f"{text} ({times} times)" for text, times in sorted(self._taints.items())]
        if self.bad_line and self._weak_refusals:
            texts.append("the server hangs up by accident now and then, so refusals are uncertain")
        return tuple(texts)

    def taint(self, text: str) -> None:
        """Something was not cleared up."""
        self._taints[text] += 1

    def learn(self, version: bytes, *, hang_ups: int, by_alert: bool) -> None:
        """A hello of `version` was answered, after so many hang-ups; `by_alert` with a no."""
        self.bad_line |= hang_ups > 0
        if by_alert:
            self._refuses_by_alert.add(version)

    def is_refusal(self, version: bytes, hang_ups: int) -> bool:
        """Whether so many bare EOFs in a row, for one hello of `version`, are a no."""
        if version in self._refuses_by_alert:
            return False
        if hang_ups < (CONFIRMED_ON_BAD_LINE if self.bad_line else CONFIRMED):
            return False
        self._weak_refusals += hang_ups < CONFIRMED_ON_BAD_LINE
        return True
