"""SSLv2 and SSLv3, which no TLS library of today speaks: one raw hello, and what comes back."""

import asyncio
import secrets
from dataclasses import dataclass

from certcheck.model.observation import TlsVersion
from certcheck.probe import crossing
from certcheck.probe.doubt import Doubt
from certcheck.probe.hello import Offer, client_hello
from certcheck.probe.look import Door

# RFC 6101 A.6 and the AES suites of RFC 3268, which SSLv3 servers take as well.
_SSL3_SUITES = (
    0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0008, 0x0009, 0x000A, 0x0011, 0x0012,
    0x0013, 0x0014, 0x0015, 0x0016, 0x002F, 0x0032, 0x0033, 0x0035, 0x0038, 0x0039, 0x0041, 0x0084,
    0x0096, 0xC007, 0xC008, 0xC009, 0xC00A, 0xC011, 0xC012, 0xC013, 0xC014,
)  # fmt: skip
# draft-hickman-netscape-ssl-00, 3.1
_SSL2_SUITES = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """Which of SSLv2 and SSLv3 a server takes, and where that could not be found out."""

    versions: tuple[TlsVersion, ...]
    doubts: tuple[str, ...]
    connections: int


async def oldest_versions(door: Door) -> Old:
    """Ask for SSLv2 and SSLv3 at once, one connection each if the server answers at all."""
    doubt = Doubt()
    hellos: dict[TlsVersion, bytes] = {"SSLv2": ssl2_hello(), "SSLv3": ssl3_hello()}

    async def is_taken(version: TlsVersion, hello: bytes) -> bool:
        answer = await crossing.answered(door, doubt, crossing.Question(hello=hello))
        if isinstance(answer, crossing.Trouble):
            doubt.taint(answer.text)
            return False
        return answer is not None and _accepts(version, answer)

    taken = await asyncio.gather(*(is_taken(*each) for each in hellos.items()))
    return Old(
        versions=tuple(version for version, yes in zip(hellos, taken, strict=True) if yes),
        doubts=tuple(f"not known whether SSLv2 or SSLv3 is taken: {t}" for t in doubt.taints()),
        connections=doubt.connections,
    )


def ssl3_hello() -> bytes:
    """A ClientHello record of SSL 3.0, with the suites that its servers had."""
    return client_hello(Offer(version="SSLv3", suites=_SSL3_SUITES))


def ssl2_hello() -> bytes:
    """A CLIENT-HELLO record of SSL 2.0."""
    suites = b"".join(suite.to_bytes(3) for suite in _SSL2_SUITES)
    sizes = len(suites).to_bytes(2) + b"\x00\x00\x00\x10"
    body = b"\x01\x00\x02" + sizes + suites + secrets.token_bytes(16)
    return (0x8000 | len(body)).to_bytes(2) + body


def _accepts(version: TlsVersion, answer: bytes) -> bool:
    if version == "SSLv3":
        # A handshake record with a ServerHello of version 3.0.
        return answer[:3] == b"\x16\x03\x00" and answer[5:6] == b"\x02"
    # An SSLv2 record with a SERVER-HELLO (4) of version 0.2.
    return answer[:1] >= b"\x80" and answer[2:3] == b"\x04" and answer[5:7] == b"\x00\x02"
