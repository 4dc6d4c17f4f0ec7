"""Real hellos read, rebuilt from what they say, and shown to another library and to OpenSSL."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tlslite import messages
from tlslite.utils.codec import Parser

from certcheck.probe import extension
from certcheck.probe.client_hello import ClientHello, decoded, encoded, fresh, padded
from certcheck.probe.extension import Extension, KeyShare, Kind
from certcheck.probe.reply import Reply
from tests.probe.hellos import CURL, HELLOS
from tests.zoo import records
from tests.zoo.identities import identity
from tests.zoo.keeper import Place
from tests.zoo.openssl import asked, s_server

X25519 = 0x001D
LISTS = {
    Kind.SUPPORTED_GROUPS: "groups",
    Kind.EC_POINT_FORMATS: "formats",
    Kind.SIGNATURE_ALGORITHMS: "sigalgs",
    Kind.SIGNATURE_ALGORITHMS_CERT: "sigalgs",
    Kind.SUPPORTED_VERSIONS: "versions",
    Kind.PSK_KEY_EXCHANGE_MODES: "modes",
    Kind.COMPRESS_CERTIFICATE: "algorithms",
}
SERVERS = {
    "TLS 1.3": (),
    "TLS 1.2": ("-no_tls1_3",),
    "P-384 only": ("-groups", "P-384"),
    "TLS 1.0": ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
}

every_hello = pytest.mark.parametrize("data", HELLOS.values(), ids=HELLOS)


def rebuilt(hello: ClientHello) -> ClientHello:
    """A hello made of what another one says, and nothing of its random bytes."""
    said = None if hello.extensions is None else tuple(_rebuilt(hello))
    session = bytes(len(hello.session_id))
    made = replace(hello, random=bytes(32), session_id=session, extensions=said)
    return fresh(padded(made) if hello.extension(Kind.PADDING) else made)


def _rebuilt(hello: ClientHello) -> Iterator[Extension]:
    for each in hello.extensions or ():
        if each.kind in extension._LISTS:
            yield extension.number_list(each.kind, hello.numbers(each.kind) or ())
        elif each.kind == Kind.SERVER_NAME:
            yield extension.server_name(hello.server_name or "")
        elif each.kind == Kind.KEY_SHARE:
            empty = [replace(share, key=bytes(len(share.key))) for share in hello.key_shares or ()]
            yield extension.key_share(empty)
        elif each.kind == Kind.PADDING:
            yield Extension(kind=Kind.PADDING)
        else:
            yield each


def facts(hello: ClientHello) -> ClientHello:
    """The hello with zeros for all that is random: two that say the same are equal."""
    return fresh(hello, bytes)


def by_tlslite(data: bytes) -> messages.ClientHello:
    return messages.ClientHello().parse(Parser(bytearray(data[6:])))


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with s_server(tmp_path_factory.mktemp("server"), *SERVERS[request.param]) as place:
        yield place


def test_all_captured_hellos_are_there() -> None:
    assert len(HELLOS) == 51


@every_hello
def test_a_real_hello_comes_back_byte_by_byte(data: bytes) -> None:
    assert encoded(decoded(data)) == data


@every_hello
def test_a_rebuilt_hello_says_the_same_with_other_random_bytes(data: bytes) -> None:
    hello = decoded(data)

    again = decoded(encoded(rebuilt(hello)))

    assert facts(again) == facts(hello)
    assert len(encoded(again)) == len(data)
    assert again.random != hello.random
    assert not hello.session_id or again.session_id != hello.session_id


@every_hello
def test_tlslite_reads_the_same(data: bytes) -> None:
    for shown in (data, encoded(rebuilt(decoded(data)))):
        read, hello = by_tlslite(shown), decoded(shown)

        assert hello.record_version == int.from_bytes(shown[1:3])
        assert divmod(hello.version, 256) == read.client_version
        assert hello.random == read.random
        assert hello.session_id == read.session_id
        assert hello.suites == tuple(read.cipher_suites)
        assert hello.compression_methods == tuple(read.compression_methods)
        assert [(each.kind, each.data) for each in hello.extensions or ()] == [
            (each.extType, bytes(each.extData)) for each in read.extensions
        ]
        assert (hello.server_name or "").encode() == read.server_name
        for kind, name in LISTS.items():
            assert hello.numbers(kind) == numbers_of(read, kind, name)
        shares = read.getExtension(Kind.KEY_SHARE)
        assert hello.key_shares == (
            tuple(
                KeyShare(group=each.group, key=bytes(each.key_exchange))
                for each in shares.client_shares
            )
            if shares
            else None
        )


def numbers_of(read: messages.ClientHello, kind: int, name: str) -> tuple[int, ...] | None:
    found = read.getExtension(kind)
    if found is None:
        return None
    return tuple(
        each if isinstance(each, int) else int.from_bytes(each) for each in getattr(found, name)
    )


@every_hello
def test_openssl_answers_a_rebuilt_hello_as_it_answers_the_real_one(
    data: bytes, server: Place
) -> None:
    real, ours = asked(server, data), asked(server, encoded(rebuilt(decoded(data))))

    assert real is not None
    assert real.suite or real.alert
    assert ours == real


def test_openssl_chooses_what_a_real_hello_offers_first(tmp_path: Path) -> None:
    with s_server(tmp_path) as place:
        said = asked(place, CURL)

    assert said == Reply(version=0x0304, suite=0x1302, group=X25519, complete=True)


def test_the_certificate_of_a_real_server_is_read(tmp_path: Path) -> None:
    with s_server(tmp_path, "-no_tls1_3") as place:
        said = asked(place, CURL)

    assert said is not None
    assert (said.version, said.group, said.complete) == (0x0303, X25519, True)
    der = ssl.PEM_cert_to_DER_cert(identity().certificate.decode())
    assert said.certificates[0] == der


def test_grease_comes_back_where_it_was() -> None:
    hello = decoded(CURL)
    greased = replace(
        hello,
        suites=(0x2A2A, *hello.suites),
        extensions=(Extension(kind=0x5A5A), *(hello.extensions or ())),
    ).saying(extension.number_list(Kind.SUPPORTED_GROUPS, [0x3A3A, 0x001D]))

    assert decoded(encoded(greased)) == greased
    assert tuple(by_tlslite(encoded(greased)).cipher_suites) == greased.suites


def test_protocols_are_read_as_tlslite_reads_them() -> None:
    hello = decoded(CURL).saying(extension.alpn([b"imap", b"http/1.1"]))

    read = by_tlslite(encoded(hello))

    assert decoded(encoded(hello)).protocols == (b"imap", b"http/1.1")
    assert read.getExtension(Kind.ALPN).protocol_names == [b"imap", b"http/1.1"]
    assert decoded(CURL).protocols is None


def test_another_name_keeps_its_place_and_the_padding_follows() -> None:
    hello = decoded(CURL)

    renamed = padded(hello.saying(extension.server_name("a-longer-name.example.test")))

    assert [each.kind for each in renamed.extensions or ()] == [
        each.kind for each in hello.extensions or ()
    ]
    assert len(encoded(renamed)) == len(CURL)


def test_padding_goes_when_it_is_not_needed_any_more() -> None:
    hello = decoded(CURL).saying(Extension(kind=0x7777, data=bytes(400)))

    assert padded(hello).extension(Kind.PADDING) is None


def test_a_hello_without_extensions_is_not_one_with_none() -> None:
    bare = replace(decoded(CURL), extensions=None)
    none = replace(bare, extensions=())

    assert padded(bare) == bare
    for hello in (bare, none):
        assert decoded(encoded(hello)) == hello
    assert by_tlslite(encoded(bare)).extensions is None
    assert by_tlslite(encoded(none)).extensions == []


def test_a_hello_of_several_records_is_answered(tmp_path: Path) -> None:
    large = decoded(CURL).saying(Extension(kind=Kind.PADDING, data=bytes(40000)))

    data = encoded(large)

    assert [len(each) for each in records.split(data)][:2] == [2**14 + 5, 2**14 + 5]
    assert decoded(data) == large
    with s_server(tmp_path) as place:
        assert asked(place, data) == asked(place, CURL)
