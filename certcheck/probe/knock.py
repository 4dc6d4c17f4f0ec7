"""Knocking at a server's door as a mail program would: its hello, and what the server chooses."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from certcheck import iana
from certcheck.model.client import Stack
from certcheck.model.observation import Knock, TlsVersion
from certcheck.probe import crossing
from certcheck.probe.client_hello import ClientHello, encoded, padded
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import Doubt
from certcheck.probe.extension import Extension, KeyShare, Kind, alpn, key_share, number_list
from certcheck.probe.extension import server_name as name_extension
from certcheck.probe.hello import VERSIONS
from certcheck.probe.look import Door
from certcheck.probe.public_key import public_key
from certcheck.probe.reply import reply

_SCSV = 0x00FF  # RFC 5746 3.3
_NEWEST_OLD = VERSIONS["TLSv1.2"]
_BY_NUMBER: Mapping[int, TlsVersion] = {number: name for name, number in VERSIONS.items()}
# What is sent with data that say little: RFC 6066 8, RFC 6961, RFC 6520, RFC 8449.
_DATA: Mapping[int, bytes] = {
    0x0005: bytes.fromhex("0100000000"),  # status_request
    0x0011: bytes.fromhex("0007020004" + "00000000"),  # status_request_v2
    0x000F: b"\x01",  # heartbeat
    0x001C: b"\x40\x01",  # record_size_limit
    Kind.EC_POINT_FORMATS: b"\x01\x00",
    Kind.COMPRESS_CERTIFICATE: b"\x02\x00\x02",
    Kind.PSK_KEY_EXCHANGE_MODES: b"\x01\x01",
    Kind.RENEGOTIATION_INFO: b"\x00",
    Kind.DELEGATED_CREDENTIAL: bytes.fromhex("00020403"),
}
# A ticket that nobody has given, application settings, encrypted hellos: what a program sends only
# by its own history or with keys of its own.
_LEFT_OUT = frozenset({0x0029, 0x44CD, 0xFE0D, 0x5500, Kind.PADDING})
# Where only documents tell what a stack offers, it says at least this (RFC 8422, RFC 5246).
_USUAL = (Kind.SERVER_NAME, Kind.SUPPORTED_GROUPS, Kind.EC_POINT_FORMATS, Kind.SIGNATURE_ALGORITHMS)
_USUAL_NEW = (Kind.SUPPORTED_VERSIONS, Kind.PSK_KEY_EXCHANGE_MODES, Kind.KEY_SHARE)
_USUAL_SIGNATURES = (0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0804, 0x0805, 0x0201, 0x0203)


async def knocked(door: Door, stack: Stack) -> Knock:
    """What the server says to the hello of this stack; never raises for what it does."""
    doubt = Doubt()
    hello = encoded(padded(hello_of(stack, door.endpoint.host.server_name)))
    data = await crossing.answered(door, doubt, crossing.Question(hello=hello, enough=_whole))
    said = reply(data) if isinstance(data, bytes) else None
    knock = Knock(stack=stack.id, connections=doubt.connections)
    if isinstance(data, Trouble):
        return replace(knock, doubt=data.text)
    if said is None or said.alert is not None:
        return knock
    version, suite = _BY_NUMBER.get(said.version), iana.suites().get(said.suite)
    if version is None or suite is None:
        return replace(knock, doubt="the server chooses what nobody offered")
    return replace(knock, version=version, suite=suite)


def distinct(stacks: Sequence[Stack]) -> tuple[tuple[Stack, ...], ...]:
    """The stacks in groups that send the same hello, but for what is random."""
    groups: dict[ClientHello, list[Stack]] = {}
    for each in stacks:
        hello = replace(hello_of(each, "host.invalid"), random=b"", session_id=b"")
        kinds = tuple(e for e in hello.extensions or () if e.kind != Kind.KEY_SHARE)
        same = replace(hello, extensions=(*kinds, _shares_of(each)))
        groups.setdefault(same, []).append(each)
    return tuple(map(tuple, groups.values()))


def _shares_of(stack: Stack) -> Extension:
    names = ",".join(stack.key_shares or ())
    return Extension(kind=Kind.KEY_SHARE, data=names.encode())


def _whole(data: bytes) -> bool:
    return reply(data) is not None


def hello_of(stack: Stack, server_name: str | None) -> ClientHello:
    """The hello that this stack sends, as far as it is known; random and keys are fresh."""
    newest = VERSIONS[stack.versions[-1]]
    suites = tuple(iana.code(name) for name in stack.suites)
    kinds = _kinds(stack)
    if Kind.RENEGOTIATION_INFO not in kinds:
        suites = (*suites, _SCSV)
    extensions = tuple(_extensions(stack, kinds, server_name))
    return ClientHello(
        record_version=min(newest, VERSIONS["TLSv1.0"]),
        version=min(newest, _NEWEST_OLD),
        random=secrets.token_bytes(32),
        session_id=secrets.token_bytes(32) if newest > _NEWEST_OLD else b"",
        suites=suites,
        extensions=extensions if kinds else None,
    )


def _kinds(stack: Stack) -> tuple[int, ...]:
    if stack.extensions is not None:
        named = (Kind.SERVER_NAME,) if stack.sni and 0 not in stack.extensions else ()
        return (*named, *stack.extensions)
    return _USUAL + (_USUAL_NEW if stack.versions[-1] == "TLSv1.3" else ())


def _extensions(
    stack: Stack, kinds: tuple[int, ...], server_name: str | None
) -> Iterator[Extension]:
    make: Mapping[int, Callable[[], Extension | None]] = {
        Kind.SERVER_NAME: lambda: _named(stack, server_name),
        Kind.SUPPORTED_GROUPS: lambda: _listed(Kind.SUPPORTED_GROUPS, stack.groups),
        Kind.SIGNATURE_ALGORITHMS: lambda: _signatures(stack),
        Kind.SIGNATURE_ALGORITHMS_CERT: lambda: _listed(
            Kind.SIGNATURE_ALGORITHMS_CERT, stack.signatures_cert
        ),
        Kind.ALPN: lambda: alpn([each.encode() for each in stack.alpn]) if stack.alpn else None,
        Kind.SUPPORTED_VERSIONS: lambda: number_list(
            Kind.SUPPORTED_VERSIONS, [VERSIONS[each] for each in reversed(stack.versions)]
        ),
        Kind.KEY_SHARE: lambda: key_share(tuple(_shares(stack))),
    }
    for kind in kinds:
        if kind in _LEFT_OUT:
            continue
        made = make[kind]() if kind in make else Extension(kind=kind, data=_DATA.get(kind, b""))
        if made is not None:
            yield made


def _named(stack: Stack, server_name: str | None) -> Extension | None:
    return name_extension(server_name) if server_name and stack.sni else None


def _listed(kind: Kind, names: tuple[str, ...] | None) -> Extension | None:
    return number_list(kind, [iana.code(name) for name in names]) if names else None


def _signatures(stack: Stack) -> Extension | None:
    if VERSIONS[stack.versions[-1]] < _NEWEST_OLD:
        return None
    known = [iana.code(name) for name in stack.signatures or ()]
    return number_list(Kind.SIGNATURE_ALGORITHMS, known or _USUAL_SIGNATURES)


def _shares(stack: Stack) -> Iterator[KeyShare]:
    for name in stack.key_shares or ():
        group = iana.code(name)
        if key := public_key(group):
            yield KeyShare(group=group, key=key)
