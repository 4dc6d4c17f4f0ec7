"""How handshakes, one after the other, add up to outages and certificates; by a given clock."""

import datetime as dt
import gc
import tracemalloc

from certcheck.probe.moments import Attention, Moment
from certcheck.probe.outage import KEPT, Beat, Outages
from certcheck.probe.watching import Pace

NIGHT = dt.datetime(2026, 11, 27, 23, 59, 50, tzinfo=dt.UTC)


def moment(second: float, *, clock: float = 0.0) -> Moment:
    """An instant; the wall clock is wrong by `clock` seconds."""
    return Moment(steady=1000 + second, at=NIGHT + dt.timedelta(seconds=second + clock))


def good(second: float, leaf: str = "a") -> Beat:
    return Beat(started=moment(second), ended=moment(second + 0.1), leaf=leaf)


def bad(second: float, *, took: float = 0.0, kind: str = "refused") -> Beat:
    return Beat(started=moment(second), ended=moment(second + took), kind=kind)


def heard(*beats: Beat) -> Outages:
    outages = Outages()
    for beat in beats:
        outages.heard(beat)
    return outages


def longest(outages: Outages) -> float:
    return round(outages.longest.seconds, 3) if outages.longest else 0.0


def test_without_a_failure_there_is_no_gap() -> None:
    outages = heard(good(0), good(60))

    assert (outages.longest, outages.outages, outages.away) == (None, 0, 0.0)


def test_a_gap_is_the_time_between_two_good_handshakes() -> None:
    outages = heard(good(0), bad(1), bad(2), good(3), good(4), bad(5), good(6))

    assert longest(outages) == 3.0
    assert round(outages.away, 3) == 5.0
    assert (outages.outages, outages.handshakes, outages.failed) == (2, 7, 3)
    assert outages.first_failure == moment(1)
    assert outages.last_failure == moment(5)


def test_an_outage_at_the_start_begins_with_the_first_failure() -> None:
    assert longest(heard(bad(0), bad(1), good(2))) == 2.1


def test_an_outage_that_goes_on_reaches_to_the_last_failure() -> None:
    outages = heard(good(0), bad(1), bad(2, took=10))

    assert longest(outages) == 11.9
    assert outages.is_away


def test_one_that_hangs_does_not_end_earlier_because_of_a_later_refusal() -> None:
    assert longest(heard(good(0), bad(1, took=10), bad(2))) == 10.9


def test_a_stretch_that_nobody_watched_is_no_outage() -> None:
    outages = heard(good(0), bad(1))
    outages.unwatched()
    news = outages.heard(bad(5000))
    outages.heard(good(5001))

    assert [change.what for change in news] == ["away"]
    assert longest(outages) == 1.1
    assert round(outages.away, 3) == 2.0


def test_news_tell_of_changes_only() -> None:
    outages = Outages()
    beats = [good(0), good(1), bad(2), bad(3), good(4), good(5, "b")]
    news = [change for beat in beats for change in outages.heard(beat)]

    assert [change.what for change in news] == ["serves", "away", "back", "certificate"]
    assert news[2].gap
    assert round(news[2].gap.seconds, 3) == 3.0
    assert (news[3].leaf, news[3].before) == ("b", "a")


def test_the_same_certificate_later_is_one_more_entry() -> None:
    outages = heard(good(0), good(1), good(2, "b"), bad(3), good(4, "b"), good(5))

    assert [(spell.leaf, spell.since, spell.until) for spell in outages.spells.kept] == [
        ("a", moment(0.1), moment(1.1)),
        ("b", moment(2.1), moment(4.1)),
        ("a", moment(5.1), moment(5.1)),
    ]


def test_of_very_many_certificates_the_first_and_the_last_are_kept() -> None:
    outages = Outages()
    told = sum(
        change.what == "certificate"
        for second in range(100)
        for change in outages.heard(good(second, f"leaf {second}"))
    )
    kept = [spell.leaf for spell in outages.spells.kept]

    assert kept[:KEPT] == [f"leaf {number}" for number in range(KEPT)]
    assert kept[KEPT:] == [f"leaf {number}" for number in range(99 - KEPT, 100)]
    assert outages.spells.left_out == 100 - len(kept)
    assert told == 2 * KEPT


def test_a_hundred_thousand_handshakes_take_no_more_memory_than_a_thousand() -> None:
    outages = Outages()

    def hear(beats: range) -> int:
        for number in beats:
            leaf = f"leaf {number // 3}"
            outages.heard(bad(number) if number % 7 == 0 else good(number, leaf))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        few = hear(range(1_000))
        many = hear(range(1_000, 101_000))
    finally:
        tracemalloc.stop()

    assert many - few < 10_000


def test_a_clock_that_was_set_changes_no_gap() -> None:
    back = Beat(started=moment(3, clock=-3600), ended=moment(3.1, clock=-3600), leaf="a")

    assert longest(heard(good(0), bad(1), back)) == 3.0


def test_a_clock_that_was_set_and_a_host_that_slept_are_told_apart() -> None:
    attention = Attention(moment(0))

    assert attention.told(moment(1)) == (0.0, 0.0)
    assert attention.told(moment(2, clock=-3600)) == (0.0, -3600.0)
    assert attention.watched == 2.0
    assert attention.told(moment(602, clock=-3600)) == (600.0, 0.0)
    assert attention.woke == moment(602).steady
    assert (attention.watched, attention.unwatched) == (2.0, 600.0)


def test_a_host_that_turns_us_away_is_asked_less_and_less_and_then_more_again() -> None:
    pace = Pace(1.0, 2.0)
    paces = []
    for now in range(0, 800, 100):
        pace.turned_away(now)
        pace.turned_away(now + 0.5)  # the next port, of the same mind
        paces.append(pace.seconds)

    assert paces == [2, 4, 8, 16, 32, 60, 60, 60]
    for _ in range(60):
        pace.served()
    assert pace.seconds == 1.0


def test_a_slow_beat_is_not_made_faster_by_a_refusal() -> None:
    pace = Pace(60.0, 2.0)
    pace.turned_away(0)

    assert pace.seconds == 60.0
