"""The hello that goes out, read by another library, and what servers answer, read by ours."""

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlslite.messages import ClientHello
from tlslite.utils.codec import Parser

from certcheck.iana import GROUPS, is_new, suites
from certcheck.model.observation import TlsVersion
from certcheck.probe.handshake import VERSIONS as IN_SSL
from certcheck.probe.hello import VERSIONS, Offer, client_hello
from certcheck.probe.reply import Reply, UnreadableReplyError, reply
from tests.zoo import records
from tests.zoo.identities import identity, own_context

P256, X25519 = 0x0017, 0x001D
# RFC 7685 3: what no hello may weigh, as some load balancers hang at it.
UNLUCKY = range(256, 512)
NAMES = ["mail.example.test", "a" * 63 + ".example.test", None]


def parsed(hello: bytes) -> ClientHello:
    return ClientHello().parse(Parser(bytearray(hello[6:])))


def answer(offer: Offer) -> bytes:
    """What OpenSSL says to a hello."""
    tls = own_context("rsa2048", "ecdsa", name="mail.example.test", oldest=ssl.TLSVersion.TLSv1)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = tls.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(client_hello(offer))
    with contextlib.suppress(ssl.SSLError):
        connection.do_handshake()
    return outgoing.read()


def every_suite(version: TlsVersion) -> tuple[int, ...]:
    return tuple(code for code in suites() if is_new(code) == (version == "TLSv1.3"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("most", [1, 60, 1000])
def test_a_hello_says_what_is_offered(version: TlsVersion, name: str | None, most: int) -> None:
    offered = every_suite(version)[:most]
    hello = client_hello(Offer(version=version, suites=offered, server_name=name))

    read = parsed(hello)

    number = VERSIONS[version]
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    assert read.client_version == (3, min(number & 0xFF, 3))
    assert tuple(read.cipher_suites) == offered
    assert read.compression_methods == [0]
    if version == "SSLv3":
        assert read.extensions is None
        return
    assert bytes(read.server_name).decode() == (name or "")
    assert [each.extType for each in read.extensions if each.extType == 10] == [10]
    assert read.getExtension(10).groups == list(GROUPS)
    shown = read.getExtension(43)
    assert (shown.versions if shown else None) == ([(3, 4)] if version == "TLSv1.3" else None)
    assert len(hello) - 5 not in UNLUCKY


@pytest.mark.parametrize("version", IN_SSL)
def test_the_choice_of_a_real_server_is_read(version: TlsVersion) -> None:
    offer = Offer(version=version, suites=every_suite(version), groups=(X25519, P256))

    said = reply(answer(offer))

    assert said is not None
    assert (said.version, said.alert) == (VERSIONS[version], None)
    assert said.suite in offer.suites
    assert said.group in offer.groups
    assert said.complete


def test_key_exchange_without_a_curve_has_no_group() -> None:
    said = reply(answer(Offer(version="TLSv1.2", suites=(0x002F,))))  # TLS_RSA_WITH_AES_128_CBC_SHA

    assert said is not None
    assert (said.version, said.suite, said.group) == (0x0303, 0x002F, None)
    assert said.complete


def test_the_certificate_is_read_below_tls_1_3() -> None:
    old = reply(answer(Offer(version="TLSv1.2", suites=(0xC02B,))))
    new = reply(answer(Offer(version="TLSv1.3", suites=(0x1301,))))

    pem = identity("ecdsa", "mail.example.test").certificate.decode()
    assert old is not None
    assert old.certificates == (ssl.PEM_cert_to_DER_cert(pem),)
    assert new is not None
    assert new.certificates == ()


def test_a_long_chain_is_read_over_many_records_and_only_when_it_is_there() -> None:
    chain = tuple(bytes([number]) * 9000 for number in range(1, 6))
    data = records.server_hello() + records.certificates(chain)

    assert reply(data) == Reply(version=0x0303, suite=0xC02B, certificates=chain)
    for end in range(len(records.server_hello()), len(data), 997):
        assert reply(data[:end]) == Reply(version=0x0303, suite=0xC02B)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_messages_in_small_records_are_read(size: int) -> None:
    whole = answer(Offer(version="TLSv1.2", suites=every_suite("TLSv1.2")))
    message = b"".join(record[5:] for record in records.split(whole))
    pieces = [message[at : at + size] for at in range(0, len(message), size)]

    small = b"".join(records.record(records.HANDSHAKE, each) for each in pieces)

    assert reply(small) == reply(whole)


def test_a_certificate_in_clear_is_none_of_tls_1_3() -> None:
    data = records.server_hello(chosen=b"\x03\x04") + records.certificates([b"a certificate"])

    assert reply(data) == reply(records.server_hello(chosen=b"\x03\x04"))


def test_a_hello_retry_request_is_told_from_a_choice() -> None:
    hello = client_hello(Offer(version="TLSv1.3", suites=(0x1301,)))

    assert reply(records.retry(hello)) == Reply(
        version=0x0304, suite=0x1301, group=P256, retry=True, complete=True
    )


def test_an_alert_after_the_choice_takes_it_back() -> None:
    failed = records.server_hello() + records.alert(records.FATAL, records.INTERNAL_ERROR)

    assert reply(failed) == Reply(version=0x0303, suite=0xC02B, taken_back=records.INTERNAL_ERROR)


@pytest.mark.parametrize("number", [0, 40, 46, 70, 71, 86, 112, 120, 255])
def test_any_alert_is_read_by_its_number(number: int) -> None:
    assert reply(records.alert(records.FATAL, number)) == Reply(alert=number, complete=True)


def test_a_real_refusal_is_read() -> None:
    said = reply(answer(Offer(version="TLSv1.2", suites=(0x0005,))))  # RC4

    assert said == Reply(alert=records.HANDSHAKE_FAILURE, complete=True)


@pytest.mark.parametrize("version", IN_SSL)
def test_half_an_answer_is_none_and_no_error(version: TlsVersion) -> None:
    offer = Offer(version=version, suites=every_suite(version), groups=(X25519, P256))
    whole = answer(offer)
    full = reply(whole)
    assert full is not None

    for end in range(len(whole)):
        half = reply(whole[:end])
        assert half is None or half.suite == full.suite
        assert half is None or not half.complete or half == full


def test_a_warning_before_the_choice_changes_nothing() -> None:
    # RFC 6066 3: a server that does not know the name may say so, and go on.
    warned = records.alert(records.WARNING, records.UNRECOGNIZED_NAME) + records.server_hello()

    assert reply(warned) == reply(records.server_hello())


def test_a_close_notify_for_an_answer_is_a_refusal_whatever_follows() -> None:
    # As Courier does it.
    closed = records.alert(records.WARNING, records.CLOSE_NOTIFY) + b"s1 NO STARTTLS failed\r\n"

    assert reply(closed) == Reply(alert=records.CLOSE_NOTIFY, complete=True)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        records.HELLO_REQUEST,
        records.message(2, b""),
        records.message(2, bytes(40)[:36]),
        records.record(records.HANDSHAKE, b"\x02\x00\xff\xff"),
        b"\x16\x03\x03\xff\xff",
        records.server_hello() + records.record(records.HANDSHAKE, b"\x0b\xff\xff\xff"),
        records.server_hello() + records.certificates([b"a"] * 101),
        records.server_hello() + records.certificates([b"a", b"", b"b"]),
        records.server_hello() + records.message(11, b"\0\0\5\0\0\1a"),
        records.server_hello() + records.message(11, b"\0\0\4\0\0\2a"),
        records.server_hello() + records.message(12, b"\3\0"),
        records.message(2, bytes(38) + b"\0\5\0\x2b\0\5\3"),
        records.message(2, bytes(38) + b"\0\5\0\x2b\0\1\3"),
        records.message(2, bytes(38) + b"\0\0\0"),
        records.server_hello() + records.record(records.HANDSHAKE, b"") * 4096,
    ],
    ids=[
        *("http", "another message", "empty", "cut short", "endless", "a record too large"),
        *("a certificate of 16 MB", "101 certificates", "an empty certificate"),
        *("a list beyond the end", "a certificate beyond the end", "half a curve"),
        *(
            "an extension beyond the end",
            "half a version",
            "a byte too many",
            "endless empty records",
        ),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(UnreadableReplyError):
        reply(data)


@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    _read(data)
    _read(records.record(records.HANDSHAKE, data))
    _read(records.message(2, data))


ANSWERS = {
    "TLS 1.3": records.server_hello(chosen=b"\x03\x04"),
    "TLS 1.2": records.server_hello()
    + records.certificates([b"a" * 300, b"b" * 300])
    + records.message(12, b"\3\0\x17" + bytes(70))
    + records.DONE,
}


@pytest.mark.parametrize("whole", ANSWERS.values(), ids=ANSWERS)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 4), st.binary(max_size=4)), max_size=4
    )
)
def test_mutated_answers_raise_nothing_else(
    whole: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for at, removed, put in changes:
        place = at % (len(whole) + 1)
        whole = whole[:place] + put + whole[place + removed :]

    _read(whole)


def _read(data: bytes) -> None:
    with contextlib.suppress(UnreadableReplyError):
        said = reply(data)
        assert said is None or isinstance(said, Reply)
