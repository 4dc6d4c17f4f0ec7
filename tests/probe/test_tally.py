import ssl

import pytest

from certcheck.probe.records import Records
from certcheck.probe.tally import Tally, has_server_name
from tests.zoo.records import server_hello


def hello(server_name: str | None) -> bytes:
    """The ClientHello of the standard library."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def sized(data: bytes) -> bytes:
    return len(data).to_bytes(3) + data


def served(*certificates: bytes) -> Records:
    """What a server of TLS 1.2 sends with these certificates, byte by byte."""
    body = sized(b"".join(map(sized, certificates)))
    records = Records()
    data = b"\x0b" + sized(body)
    for byte in b"\x16\x03\x03" + len(data).to_bytes(2) + data:
        records.feed(bytes([byte]))
    return records


def test_sni_is_seen_in_a_hello() -> None:
    assert has_server_name(hello("mail.example.test"))
    assert not has_server_name(hello(None))


def test_a_hello_that_breaks_off_names_nobody() -> None:
    whole = hello(None)

    assert not any(has_server_name(whole[:end]) for end in range(len(whole)))


def test_chains_are_counted_by_sni() -> None:
    tally = Tally()
    for name in ("mail.example.test", "mail.example.test", None):
        tally.note(hello(name), served(b"leaf", b"issuer"))

    chain = (b"leaf", b"issuer")
    assert tally.chains == {(True, chain): 2, (False, chain): 1}


def test_a_server_with_ever_new_chains_is_not_remembered_for_ever() -> None:
    tally = Tally()
    for number in range(100):
        tally.note(hello(None), served(b"%d" % number))

    assert len(tally.chains) == 16


def chosen(suite: bytes, version: bytes) -> Records:
    """What a server sends that answers a hello with this suite."""
    answer = Records()
    answer.feed(server_hello(version=version, suite=suite, session=bytes(32)))
    return answer


def test_suites_are_counted_by_version_and_once() -> None:
    tally = Tally()
    for suite in (b"\xc0\x2b", b"\xc0\x2c", b"\xc0\x2b", b"\x13\x01"):
        tally.note(hello(None), chosen(suite, b"\x03\x03"))
    tally.note(hello(None), chosen(b"\x00\x2f", b"\x03\x01"))

    assert tally.suites == {
        "TLSv1.2": {b"\xc0\x2b", b"\xc0\x2c"},
        "TLSv1.3": {b"\x13\x01"},
        "TLSv1.0": {b"\x00\x2f"},
    }


@pytest.mark.parametrize("version", [b"", b"\x09\x09"])
def test_an_answer_without_a_known_version_chooses_nothing(version: bytes) -> None:
    tally = Tally()
    tally.note(hello(None), chosen(b"\xc0\x2b", version) if version else Records())

    assert tally.suites == {}


def test_a_certificate_list_that_breaks_off_ends() -> None:
    records = served(b"")
    assert records.chain == ()

    records = Records()
    body = b"\x00\x00\x09" + b"\x00\x00\xffshort"
    data = b"\x0b" + sized(body)
    records.feed(b"\x16\x03\x03" + len(data).to_bytes(2) + data)
    assert records.chain == (b"short",)
