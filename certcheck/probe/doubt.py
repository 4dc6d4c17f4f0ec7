"""What a scan learns of a server's way to say no, and what of its result stays in doubt."""

from collections import Counter
from collections.abc import Collection

from certcheck.probe.tally import Tally

CONFIRMED = 3
CONFIRMED_ON_BAD_LINE = 8
# From here on the result is lost anyway: ask no more.
_HOPELESS = 10


class Doubt:
    """The memory of one scan; a topic is what a hello was for, such as one of sslyze's commands.

    A bare EOF for an answer is ambiguous: Dovecot refuses that way, and a bad line looks the same.
    It counts as a refusal when it comes each time; how often it must come depends on the line.
    """

    def __init__(self, *, bad_line: bool = False, accidents: bool = False) -> None:
        self.connections = 0
        self.bad_line = bad_line
        self.accidents = accidents or bad_line
        self.tally = Tally()
        self._taints: Counter[tuple[str, str]] = Counter()
        self._refuses_by_alert: set[bytes] = set()
        self._weak_refusals: Counter[str] = Counter()
        self._wordless_ends: Counter[str] = Counter()

    @property
    def hopeless(self) -> bool:
        """Whether so much is tainted that further questions are a waste."""
        return self._taints.total() >= _HOPELESS

    def topics(self) -> tuple[str, ...]:
        """What is not certain, by topic; none for a clean scan."""
        topics = {topic for topic, _ in self._taints} | {*self._weak_refusals, *self._wordless_ends}
        return tuple(sorted(topic for topic in topics if self.taints([topic])))

    def taints(self, only: Collection[str] | None = None) -> tuple[str, ...]:
        """Why the result, or that of some topics, is not certain, as sentences."""
        taints: Counter[str] = Counter()
        for (topic, text), times in self._taints.items():
            taints[text] += times if only is None or topic in only else 0
        texts = [
            f"{text} ({times} times)" if times > 1 else text
            for text, times in sorted((+taints).items())
        ]
        if self.bad_line and _of(self._weak_refusals, only):
            texts.append("the server hangs up by accident now and then, so refusals are uncertain")
        if self.accidents and _of(self._wordless_ends, only):
            texts.append("the server ends without a word, and accidents look the same")
        return tuple(texts)

    def taint(self, text: str, topic: str = "") -> None:
        """Something was not cleared up."""
        self._taints[topic, text] += 1

    def wordless_end(self, topic: str) -> None:
        """A strange second flight was answered with silence, EOF or RST: an answer, or not."""
        self._wordless_ends[topic] += 1

    def learn(self, version: bytes, *, hang_ups: int, by_alert: bool, accidents: int = 0) -> None:
        """A hello of `version` was answered, after so many hang-ups and accidents of any kind.

        `by_alert` says that the answer was a no.
        """
        self.bad_line |= hang_ups > 0
        self.accidents |= hang_ups + accidents > 0
        if by_alert:
            self._refuses_by_alert.add(version)

    def refuses_by_alert(self, version: bytes) -> bool:
        """Whether the server's way to refuse a hello of this version is an alert."""
        return version in self._refuses_by_alert

    def is_refusal(self, version: bytes, hang_ups: int, topic: str = "") -> bool:
        """Whether so many bare EOFs in a row, for one hello of `version`, are a no."""
        if self.refuses_by_alert(version):
            return False
        if hang_ups < (CONFIRMED_ON_BAD_LINE if self.bad_line else CONFIRMED):
            return False
        self._weak_refusals[topic] += hang_ups < CONFIRMED_ON_BAD_LINE
        return True


def _of(counted: Counter[str], topics: Collection[str] | None) -> int:
    return counted.total() if topics is None else sum(counted[topic] for topic in topics)
