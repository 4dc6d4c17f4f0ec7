"""The bench itself: its proxy counts and delays, its arithmetic is right, its page says all."""

import asyncio
import contextlib
import cProfile
import pstats
from collections.abc import Awaitable, Callable
from pathlib import Path

from certcheck.lab.ports import reserved
from tests.bench import document, hot
from tests.bench.document import Bench
from tests.bench.hot import Hot
from tests.bench.measure import Job, Output, Sample, Seen, run
from tests.bench.own import leaves
from tests.bench.proxy import Count, Link, linked
from tests.bench.table import Result, Row, compared, verdicts

Asked = Callable[[Link, Callable[[], list[Count]]], Awaitable[None]]
DELAY = 0.02
SUITES = {"TLSv1.2": frozenset({"TLS_RSA_WITH_AES_128_CBC_SHA"})}
SEEN = Seen(suites=SUITES)


def job(name: str, *, is_python: bool = False) -> Job:
    return Job(name=name, argv=("true",), read=lambda _output: Seen(), is_python=is_python)


def result(name: str, *walls: float, seen: Seen | None = SEEN, start: float = 0.0) -> Result:
    samples = tuple(
        Sample(
            wall=wall,
            cpu=wall / 2,
            memory=30_000_000,
            connections=7,
            at_once=5,
            seen=seen,
            trouble="" if seen else "no result (exit 1, ValueError)",
        )
        for wall in walls
    )
    return Result(job=job(name), samples=samples, start=start)


def row(**more: object) -> Row:
    jobs = (job("ours"), job("peer"))
    return Row(key="k", work="work", where="somewhere", jobs=jobs, goals={"peer": 3.0}, **more)  # type: ignore[arg-type]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()


def through_a_link(delay: float, ask: Asked) -> None:
    """An echo that greets, behind a link, as long as `ask` takes."""
    gone: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone.append(writer)
        writer.write(b"hello\n")
        with contextlib.suppress(ConnectionResetError):
            while line := await reader.readline():
                writer.write(line)
        writer.close()

    async def all_of_it() -> None:
        link = Link(address="127.0.0.2", upstream="127.0.0.1", port=port, delay=delay)
        async with await asyncio.start_server(echo, link.upstream, port):
            async with linked([link]) as taken:
                await asyncio.wait_for(ask(link, taken), 10)
            for writer in gone:
                with contextlib.suppress(ConnectionResetError):
                    await asyncio.wait_for(writer.wait_closed(), 10)

    with reserved(1) as (port,):
        asyncio.run(all_of_it())


def test_the_proxy_relays_both_ways_and_counts() -> None:
    async def ask(link: Link, taken: Callable[[], list[Count]]) -> None:
        before = descriptors()
        ends = [await asyncio.open_connection(link.address, link.port) for _ in range(3)]
        assert [await reader.readline() for reader, _ in ends] == [b"hello\n"] * 3
        for number, (reader, writer) in enumerate(ends):
            writer.writelines(b"%d %d\n" % (number, each) for each in range(100))
            writer.write_eof()
            assert await reader.read() == b"".join(b"%d %d\n" % (number, e) for e in range(100))
            await closed(writer)
        assert taken() == [Count(connections=3, at_once=3)]
        assert taken() == [Count()]
        for _ in range(1000):
            if descriptors() <= before:
                break
            await asyncio.sleep(0.001)
        assert descriptors() <= before  # it has closed both ends of each

    through_a_link(0.0, ask)


def test_no_answer_comes_before_light_could_bring_it() -> None:
    async def ask(link: Link, _taken: Callable[[], list[Count]]) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        reader, writer = await asyncio.open_connection(link.address, link.port)
        await reader.readline()
        greeted = loop.time()
        writer.write(b"again\n")
        await reader.readline()
        # SYN, SYN-ACK, ACK and the greeting; then there and back.
        assert greeted - begin >= 4 * DELAY
        assert loop.time() - greeted >= 2 * DELAY
        await closed(writer)

    through_a_link(DELAY, ask)


def test_a_server_that_is_not_there_resets() -> None:
    async def all_of_it() -> None:
        link = Link(address="127.0.0.2", upstream="127.0.0.3", port=port, delay=0.0)
        async with linked([link]):
            reader, writer = await asyncio.open_connection(link.address, link.port)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            await closed(writer)

    with reserved(1) as (port,):
        asyncio.run(all_of_it())


def test_a_ratio_is_of_medians_without_the_start() -> None:
    ours, theirs = result("ours", 0.5, 9.0, 0.4, start=0.25), result("peer", 3.0, 1.0, 2.0)

    (verdict,) = verdicts(row(), [ours, theirs])

    assert verdict.ratio == 2.0 / 0.25
    assert verdict.reached


def test_a_ratio_of_who_may_be_slower_is_the_other_way_round() -> None:
    ours, theirs = result("ours", 3.0), result("peer", 1.0)

    assert verdicts(row(most=True), [ours, theirs])[0].ratio == 3.0
    assert verdicts(row(most=True), [ours, theirs])[0].reached
    assert not verdicts(row(most=True), [result("ours", 3.1), theirs])[0].reached


def test_clients_are_compared_one_by_one() -> None:
    ours = result("ours", 6.0, seen=Seen(profiles=60))
    theirs = result("peer", 17.0, seen=Seen(profiles=17))

    assert verdicts(row(per_profile=True), [ours, theirs])[0].ratio == 10.0


def test_a_goal_that_wants_the_same_result_is_missed_by_another_one() -> None:
    same = Seen(suites=SUITES, leaves=frozenset({("", "ab")}))
    fewer = Seen(suites=SUITES, leaves=frozenset({("", "cd")}))
    ours = result("ours", 1.0, seen=same)

    assert verdicts(row(same=True), [ours, result("peer", 9.0, seen=same)])[0].reached
    assert not verdicts(row(same=True), [ours, result("peer", 9.0, seen=fewer)])[0].reached


def test_what_was_seen_is_compared_name_by_name() -> None:
    more = Seen(suites={"TLSv1.2": SUITES["TLSv1.2"] | {"x"}, "TLSv1.3": frozenset({"y"})})

    assert compared(Seen(suites=SUITES), Seen(suites=SUITES)) == "the same suites"
    assert compared(Seen(suites=SUITES), more) == "suites: 2 more, 0 fewer"
    assert compared(Seen(suites=SUITES), None) == "nothing to compare"


def test_leaves_are_read_from_one_document_and_from_lines() -> None:
    one = '{"observations": [{"address": "127.0.0.1", "deployments": [{"chain": ["ab", "cd"]}]}]}'
    lines = '{"address": "127.0.0.1", "deployments": [{"chain": ["ab"]}]}\n{"seen": 1}\n'

    assert leaves(one).leaves == leaves(lines).leaves == {("127.0.0.1", "ab")}


def test_the_page_shows_what_failed_and_what_was_missed() -> None:
    broken = result("peer", 1.0, seen=None)
    slow = (row(tried="All was tried."), [result("ours", 1.0), result("peer", 2.0)])
    bench = Bench(
        machine=[("processor", "a slow one")],
        load="0.1",
        seconds=60.0,
        results=[(row(), [result("ours", 1.0), broken]), slow],
        profiles=[Hot(name="ours", seconds=2.0, places=(("certcheck/x.py: y", 1.0, 3),))],
    )

    page = document.rendered(bench)

    assert "* processor: a slow one" in page
    assert "| work | somewhere | 1.00 s | peer | 2.00 s | 2.0 | at least 3 | **no** |" in page
    assert "| no result | at least 3 | **no** | nothing to compare |" in page
    assert "| peer | no result (exit 1, ValueError) |" in page
    assert "All was tried." in page
    assert "| 50% | 1.00 | 3 | `certcheck/x.py: y` |" in page


def test_a_run_is_measured_and_ended_at_its_limit(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"

    good = run(("sh", "-c", "echo yes; exit 3"), stdout=out, stderr=err, limit=10)
    late = run(("sleep", "30"), stdout=out, stderr=err, limit=0.05)

    assert good.code == 3
    assert late.code == -9
    assert 0.05 <= late.wall < 10


def test_a_profile_names_no_path() -> None:
    profile = cProfile.Profile()
    profile.runcall(Output, code=0, stdout="", file=Path())
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]

    summary = hot.summarised(
        "work", {**stats, ("/x/certcheck/probe/wire.py", 1, "f"): (1, 1, 9.0, 9.0, {})}
    )

    assert summary.places[0][0] == "certcheck/probe/wire.py: f"
    assert not [place for place, _, _ in summary.places if place.startswith("/")]
