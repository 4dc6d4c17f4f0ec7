"""All that is measured, in the order of the document."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench import own, peers
from tests.bench.ours import HELLO_COUNT
from tests.bench.servers import MANY, MODERN, POSTFIX, SERVERS, SWEPT_PORT, WIDE, Place
from tests.bench.table import Row

_FEW, _MASSES = 1_000, 100_000
# One document of 100,000 endpoints is hopeless, and takes all the memory meanwhile.
_PATIENCE = {"--jsonl": 420.0, "--json": 60.0}
SWEEP = "sweep"
START = "start"
SWEEP_AT_MOST = 20.0  # MB

# Round trips of a connection to the first byte of the answer: TCP, greeting, EHLO, STARTTLS, hello.
_TRIPS = {"imap": 4, "smtp": 5}

_TRIED_SUITES = (
    "Each ServerHello names one suite, so that the hellos of one chain wait for each other, and no "
    "tool can do with fewer connections than there are suites. As a prototype, 16 chains in each "
    "version took half as many connections again."
)
_TRIED_MANY = (
    "Each connection goes as far as the server's signature, and no further. Of the time in the "
    "loop a quarter is the kernel's (connect, send, epoll, close) and a tenth the check of "
    "signatures; the rest is Python: a dialogue, its records and a row for each endpoint. uvloop "
    "gained a tenth at most."
)
_TRIED_ONE = (
    "The other connections (with the other kind of key, without SNI, and the same again) go beside "
    "each other, after the first, which has then heard whether the server wants to be left alone. "
    "As a prototype, they began when the first had shaken hands: one round trip and a half less of "
    "14, and a server that says 421 inside TLS had five of us before it was heard. As another one, "
    "nobody waited for the answer to a goodbye: one less, and some goodbyes were lost to a reset."
)
_TRIED_BRIDGE = (
    "A pool of connections made ready beforehand was tried: with 5 in all it gains a fifth, since "
    "each takes its place whether it waits or works. Suites that are refused are asked for many at "
    "a time; each that is taken needs a handshake of sslyze's all the same (one more round trip "
    "than a hello), and a hang-up for an answer is believed when it has come three times."
)


def rows(directory: Path, form: str) -> tuple[Row, ...]:
    """Every row; lists of targets are written into `directory`, `form` is --jsonl or --json."""
    return (
        Row(key=START, work="start", where="no server", jobs=(own.start(),), seconds=0.25),
        *_suites(),
        *_audits(),
        _many(directory, form),
        *_one(),
        *_hellos(),
        *_bridges(),
        _sweep(directory, form),
        Row(
            key="forecast",
            work="all mail programs under 10,000 names, by rules alone",
            where="no server",
            jobs=(own.forecast(),),
            seconds=10.0,
        ),
    )


def _suites() -> Iterator[Row]:
    goals = {
        (WIDE, True): (3.0, 3.0, 6.0),
        (WIDE, False): (5.0, 1.5, 3.0),
    }
    names = ("sslyze, suites", "nmap ssl-enum-ciphers", "sslscan, suites")
    for server, is_far in ((WIDE, True), (WIDE, False), (MODERN, False), (POSTFIX, False)):
        place = Place(server=server, is_far=is_far)
        yield Row(
            key="suites",
            work="all suites by hello",
            where=place.words,
            far=place.address if is_far else None,
            jobs=(
                own.by_library("suites", place, "certcheck, own hellos"),
                peers.sslyze_suites(place),
                peers.nmap_suites(place),
                peers.sslscan(place),
            ),
            goals=dict(zip(names, goals.get((server, is_far), ()), strict=False)),
            trips=_TRIPS[server.scheme],
            tried=_TRIED_SUITES,
        )


def _audits() -> Iterator[Row]:
    for server, is_far in ((WIDE, True), *((server, False) for server in SERVERS)):
        place = Place(server=server, is_far=is_far)
        # Too slow at a distance for a bench that ends within minutes.
        slow = (peers.sslscan(place, only_suites=False), peers.testssl_suites(place))
        yield Row(
            key="audit",
            work="audit",
            where=place.words,
            far=place.address if is_far else None,
            jobs=(
                *(own.audit(place, depth) for depth in ("quick", "standard", "full")),
                peers.sslyze_default(place),
                *(slow if server is WIDE and not is_far else ()),
            ),
        )


def _many(directory: Path, form: str) -> Row:
    listed = directory / "many"
    listed.write_text("".join(f"imap://{address}\n" for address in MANY))
    return Row(
        key="fingerprints",
        work=f"fingerprint of {len(MANY)} endpoints",
        where=Place(server=MODERN, is_far=False).words,
        jobs=(
            own.fingerprints("", listed, form),
            peers.nmap_certificates(MODERN.port, MANY),
            peers.sslyze_many(50, MODERN.port, MANY),
            peers.sslyze_many(10, MODERN.port, MANY),
        ),
        goals={"nmap ssl-cert": 4.0, "sslyze API, 50 scans at a time": 8.0},
        tried=_TRIED_MANY,
    )


def _one() -> Iterator[Row]:
    for is_far in (True, False):
        place = Place(server=WIDE, is_far=is_far)
        yield Row(
            key="fingerprint",
            work="one fingerprint",
            where=place.words,
            far=place.address if is_far else None,
            jobs=(own.fingerprint(place), peers.openssl(place)),
            goals={"openssl s_client": 1.5} if is_far else {},
            most=True,
            tried=_TRIED_ONE,
        )


def _hellos() -> Iterator[Row]:
    for is_far in (False, True):
        place = Place(server=WIDE, is_far=is_far)
        yield Row(
            key="hellos",
            work=f"{HELLO_COUNT} client hellos, for each",
            where=place.words,
            far=place.address if is_far else None,
            jobs=(
                own.by_library("hellos", place, "certcheck, captured hellos"),
                peers.testssl_clients(place),
            ),
            goals={} if is_far else {"testssl.sh -c": 50.0},
            per_profile=True,
        )


def _bridges() -> Iterator[Row]:
    goals = {WIDE: 2.0, MODERN: 3.0, POSTFIX: 3.0}
    places = (
        *(Place(server=server, is_far=True) for server in SERVERS),
        Place(server=WIDE, is_far=False),
    )
    for place in places:
        yield Row(
            key="bridge",
            work="sslyze's own scan",
            where=place.words,
            far=place.address if place.is_far else None,
            jobs=(
                own.by_library("bridge", place, "certcheck, sslyze by the bridge"),
                peers.sslyze_scan(place),
            ),
            goals={"sslyze, certificate and suites": goals[place.server]} if place.is_far else {},
            same=True,
            trips=_TRIPS[place.server.scheme],
            tried=_TRIED_BRIDGE,
        )


def _sweep(directory: Path, form: str) -> Row:
    limit = _PATIENCE[form]
    return Row(
        key=SWEEP,
        work="sweep",
        where=Place(server=MODERN, is_far=False).words,
        jobs=tuple(
            own.fingerprints(
                f", {count:,} targets", _listed(directory, count), form, limit=limit, most=1
            )
            for count in (_FEW, _MASSES)
        ),
    )


def _listed(directory: Path, count: int) -> Path:
    path = directory / f"list-{count}"
    with path.open("w") as listed:
        for number in range(count):
            third, last = divmod(number, 250)
            second, third = divmod(third, 250)
            listed.write(f"imap://127.{10 + second}.{third}.{last + 1}:{SWEPT_PORT}\n")
    return path
