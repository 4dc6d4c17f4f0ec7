"""Handshakes on a beat, with servers that are silent, turn away, break off or come back."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from certcheck.probe.limits import Gate, Limits
from certcheck.probe.look import Door
from certcheck.probe.moments import now
from certcheck.probe.outage import Beat
from certcheck.probe.watching import UNFINISHED, Pace, Post, watched
from certcheck.targets import endpoint
from tests.zoo.keeper import Behaviour, Place, Visitor, kept
from tests.zoo.manners import implicit, server


def seen(  # noqa: PLR0913 - what a test may want otherwise
    url: str,
    place: Place,
    enough: Callable[[list[Beat]], bool],
    *,
    interval: float = 0.05,
    timeout: float = 10.0,
    most: int = 5,
) -> list[Beat]:
    """The handshakes until there are enough, and those that end with the watch."""
    heard: list[Beat] = []

    async def watch() -> None:
        limits = Limits(timeout=timeout, per_host=64, back_off=0.1)
        target = endpoint(f"{url}://localhost:{place.port}")
        door = Door(endpoint=target, address=place.address, gate=Gate(limits), limits=limits)
        post = Post(door=door, pace=Pace(interval, 0.1), most=most, delay=0)
        task = asyncio.create_task(watched(post, clock=now, hear=heard.append))
        async with asyncio.timeout(60):
            while not enough(heard) and not task.done():  # noqa: ASYNC110 - a test asks whatever it likes
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(watch())
    return heard


def kinds(beats: list[Beat]) -> set[str]:
    return {beat.kind for beat in beats}


def test_a_good_server_is_seen_on_every_beat() -> None:
    with kept(server("imap")) as place:
        beats = seen("imap", place, lambda heard: len(heard) >= 5)

    assert kinds(beats) == {""}
    assert len({beat.leaf for beat in beats}) == 1
    assert [beat.started.steady for beat in beats] == sorted(b.started.steady for b in beats)


def silent(visitor: Visitor) -> None:
    visitor.stay_silent()


def test_a_silent_server_has_few_visitors_at_a_time_and_fails_by_the_time_out() -> None:
    with kept(silent) as place:
        beats = seen(
            "imap", place, lambda heard: len(heard) >= 5, interval=0.01, timeout=0.5, most=3
        )

        assert place.count() <= 3 * 4
    assert kinds(beats[:5]) == {"greeting_timeout"}


def test_what_hangs_when_the_watch_ends_has_failed_if_it_took_long() -> None:
    with kept(silent) as place:
        started = now().steady
        beats = seen("imap", place, lambda _: now().steady - started > 1.5, interval=0.2, most=2)

    assert kinds(beats) == {UNFINISHED}
    assert all(beat.ended.steady - beat.started.steady > 1.0 for beat in beats)


def test_what_has_just_begun_when_the_watch_ends_is_not_told() -> None:
    with kept(silent) as place:
        beats = seen("imap", place, lambda _: place.count() >= 1)

    assert beats == []


@pytest.mark.parametrize(
    ("url", "behaviour", "kind"),
    [
        ("smtp", server("smtp", {"greeting": b"421 too many\r\n"}), "rate_limited"),
        ("submissions", implicit("smtp", {"greeting": b"421 too many\r\n"}), "rate_limited"),
        ("imap", server("imap", {"greeting": b"* BYE go\r\n"}), "bye"),
        (
            "imap",
            server("imap", {"CAPABILITY": b"* CAPABILITY X\r\nc1 OK\r\n"}),
            "starttls_not_offered",
        ),
        ("imap", server("imap", tls=Visitor.reset), "closed_after_go_ahead"),
        ("imaps", Visitor.reset, "handshake_failed"),
        ("imaps", implicit("imap", {"greeting": Visitor.reset}), "unreachable"),
    ],
)
def test_each_failure_has_its_kind(url: str, behaviour: Behaviour, kind: str) -> None:
    with kept(behaviour) as place:
        beats = seen(url, place, lambda heard: len(heard) >= 2)

    assert kinds(beats) == {kind}


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_a_server_that_hangs_up_at_our_goodbye_is_there(protocol: str) -> None:
    last = {"LOGOUT": Visitor.reset, "QUIT": Visitor.reset}
    with kept(implicit(protocol, last)) as place:
        url = {"imap": "imaps", "smtp": "submissions"}[protocol]
        beats = seen(url, place, lambda heard: len(heard) >= 2)

    assert kinds(beats) == {""}


def test_a_server_that_turns_us_away_is_asked_more_slowly() -> None:
    with kept(server("smtp", {"greeting": b"421 too many\r\n"})) as place:
        beats = seen("smtp", place, lambda heard: len(heard) >= 7, interval=0.01)

    pauses = [after.started.steady - before.started.steady for before, after in pairwise(beats)]
    assert pauses[-1] > 0.3


def test_handshakes_are_told_in_the_order_of_their_starts() -> None:
    def first_hangs(visitor: Visitor) -> None:
        (silent if visitor.number == 1 else server("imap"))(visitor)

    with kept(first_hangs) as place:
        beats = seen("imap", place, lambda heard: len(heard) >= 4, timeout=0.5)

    assert [beat.kind for beat in beats[:3]] == ["greeting_timeout", "", ""]
    assert beats[1].ended.steady < beats[0].ended.steady


def test_visits_to_a_silent_server_are_spread_over_its_time_out() -> None:
    with kept(silent) as place:
        beats = seen("imap", place, lambda heard: len(heard) >= 4, interval=0.01, timeout=1.0)

    starts = [beat.started.steady for beat in beats[1:4]]
    assert all(after - before > 0.15 for before, after in pairwise(starts))
