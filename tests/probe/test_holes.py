"""Servers with known holes are told, and none is green because a check could not look."""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.model.observation import Check, TlsVersion
from certcheck.probe.conclusion import Scanned
from certcheck.probe.limits import Gate
from certcheck.probe.look import Door
from certcheck.probe.scan import scanned
from certcheck.probe.tally import has_server_name
from tests.conftest import Certcheck
from tests.zoo import holes, records
from tests.zoo.accidents import refusing_by_eof
from tests.zoo.identities import identity, own_context
from tests.zoo.keeper import Behaviour, Visitor, kept
from tests.zoo.manners import implicit
from tests.zoo.openssl import s_server
from tests.zoo.relics import Relic
from tests.zoo.visit import LIMITS, NAME, at, door_to

pytestmark = pytest.mark.slow

PATIENT = replace(LIMITS, timeout=30.0, scan_timeout=90.0)
IDENTITY = identity("rsa2048", NAME.ascii)
HOLE_RULES = {"heartbleed", "robot", "ccs_injection", "compression", "insecure_renegotiation"}
# What a server of 2009 lacks beside its holes.
LACKING = {"extended_master_secret", "session_resumption"}


def checked(behaviour: Behaviour, *versions: TlsVersion) -> Scanned:
    with door_to("imaps", behaviour, limits=PATIENT) as door:
        return asyncio.run(scanned(door, versions))


@functools.cache
def old() -> ssl.SSLContext:
    tls = own_context("rsa2048")
    tls.set_ciphers("AES128-SHA:@SECLEVEL=0")
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    return tls


def leaking(hole: Callable[[], holes.Hole]) -> Behaviour:
    return holes.with_hole(old(), hole)


def relic(*, compresses: bool = False, is_secure: bool = True) -> Behaviour:
    return Relic(identity=IDENTITY, compresses=compresses, is_secure=is_secure)


HOLES: dict[str, tuple[Callable[[], Behaviour], dict[str, str]]] = {
    "none": (lambda: implicit("imap", tls=old()), {}),
    "heartbleed": (lambda: leaking(holes.heartbleed), {"heartbleed": ""}),
    "CCS injection": (lambda: leaking(holes.ccs_injection), {"ccs_injection": ""}),
    "strong ROBOT": (
        lambda: leaking(holes.strong_robot(IDENTITY)),
        {"robot": "strong oracle"},
    ),
    "weak ROBOT": (
        lambda: leaking(holes.weak_robot(IDENTITY)),
        {"robot": "weak oracle"},
    ),
    "none in a relic": (relic, {}),
    "compression": (lambda: relic(compresses=True), {"compression": ""}),
    "insecure renegotiation": (lambda: relic(is_secure=False), {"secure_renegotiation": ""}),
}


@pytest.mark.parametrize(("server", "failed"), HOLES.values(), ids=HOLES)
def test_each_hole_is_found_and_only_that(
    server: Callable[[], Behaviour], failed: dict[str, str]
) -> None:
    result = checked(server(), "TLSv1.2")

    found = {name: check for name, check in result.checks.items() if name not in LACKING}
    assert {name: c.detail for name, c in found.items() if c.verdict == "fail"} == failed
    assert {check.verdict for check in found.values()} <= {"pass", "fail", "not_applicable"}
    assert result.doubts == ()


def test_a_fallback_that_nobody_notices_is_a_failed_check() -> None:
    result = checked(relic(), "TLSv1.1", "TLSv1.2")

    assert result.checks["fallback_scsv"] == Check(verdict="fail")
    assert result.doubts == ()


def test_an_oracle_of_many_minds_is_no_green_one() -> None:
    result = checked(leaking(holes.moody_robot(IDENTITY)), "TLSv1.2")

    assert result.checks["robot"].verdict == "inconclusive"
    assert any("robot" in doubt for doubt in result.doubts)


def says_unrecognized_name(visitor: Visitor) -> None:
    visitor.hear_bytes()
    visitor.say(records.alert(records.FATAL, records.UNRECOGNIZED_NAME))


def closes(visitor: Visitor) -> None:
    visitor.hear_bytes()


def refusing(good: Behaviour, refuse: Behaviour, refused: Callable[[bytes], bool]) -> Behaviour:
    def behaviour(visitor: Visitor) -> None:
        hello = visitor.sock.recv(4096, socket.MSG_PEEK)
        (refuse if refused(hello) else good)(visitor)

    return behaviour


def names_nobody(hello: bytes) -> bool:
    """As sslyze's hellos for two of its checks."""
    return not has_server_name(hello)


def is_for_robot(hello: bytes) -> bool:
    """As sslyze's once it has the server's key: by its newer library, many suites, all of RSA."""
    if hello[0] != records.HANDSHAKE:
        return False
    kinds = set(records.extensions_of(hello))
    return (
        records.EXTENDED_MASTER_SECRET in kinds
        and records.SUPPORTED_GROUPS not in kinds
        and len(records.suites_of(hello)) > 2
    )


@pytest.mark.parametrize(
    ("good", "refuse"),
    [
        (lambda: implicit("imap", tls=old()), says_unrecognized_name),
        (lambda: implicit("imap", tls=old()), closes),
        (lambda: refusing_by_eof(old()), closes),
    ],
    ids=["by alert", "by EOF", "by EOF, as it refuses always"],
)
def test_a_check_that_was_not_let_in_is_not_green(
    good: Callable[[], Behaviour], refuse: Behaviour
) -> None:
    result = checked(refusing(good(), refuse, names_nobody), "TLSv1.2")

    assert {
        name: result.checks[name].verdict for name in ("heartbleed", "ccs_injection", "robot")
    } == {"heartbleed": "inconclusive", "ccs_injection": "inconclusive", "robot": "pass"}
    for words in ("heartbleed", "ccs injection"):
        assert any(words in doubt for doubt in result.doubts)


def test_an_oracle_that_did_not_let_in_is_no_green_one() -> None:
    good = implicit("imap", tls=old())

    result = checked(refusing(good, says_unrecognized_name, is_for_robot), "TLSv1.2")

    assert result.checks["heartbleed"] == Check(verdict="pass")
    assert result.checks["robot"] == Check(verdict="inconclusive")
    assert any("robot" in doubt for doubt in result.doubts)


def test_early_data_is_found_where_tickets_promise_it(tmp_path: Path) -> None:
    with s_server(tmp_path, "-max_early_data", "16384") as place:
        door = Door(
            endpoint=at(place, "imaps"), address=place.address, gate=Gate(PATIENT), limits=PATIENT
        )
        result = asyncio.run(scanned(door, ["TLSv1.3"]))

    expected = Check(verdict="fail", detail="tickets promise to take 16384 bytes")
    assert result.checks["early_data"] == expected


def test_an_audit_tells_of_every_hole(certcheck: Certcheck) -> None:
    with contextlib.ExitStack() as zoo:
        ports = {
            zoo.enter_context(kept(server())).port: name for name, (server, _) in HOLES.items()
        }
        done = certcheck("audit", "--json", *(f"imaps://127.0.0.1:{port}" for port in ports))

    found = {
        (ports[int(each["endpoint"].rpartition(":")[2])], each["rule"], each["severity"])
        for each in done.document["findings"]
    }
    assert {each for each in found if each[1] in HOLE_RULES} == {
        ("heartbleed", "heartbleed", "error"),
        ("CCS injection", "ccs_injection", "error"),
        ("strong ROBOT", "robot", "error"),
        ("weak ROBOT", "robot", "warning"),
        ("compression", "compression", "warning"),
        ("insecure renegotiation", "insecure_renegotiation", "warning"),
    }
