"""TLS by the standard library: one real handshake, and the chain that was served in it."""

import contextlib
import functools
import re
import ssl
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from certcheck import x509
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import TlsMode
from certcheck.model.observation import Demand, TlsVersion
from certcheck.probe.limits import ProbeError
from certcheck.probe.script import is_stranger, plain_refusal, wrong_protocol
from certcheck.probe.tcp import Tcp
from certcheck.probe.wire import shown

VERSIONS: dict[TlsVersion, ssl.TLSVersion] = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_NAMES: dict[str, TlsVersion] = {"TLSv1": "TLSv1.0", **{name: name for name in VERSIONS}}
# OpenSSL takes no certificate list above 100 KiB; a full flight is a little more.
MAX_FLIGHT = 256 * 1024
_CERTIFICATE_REQUEST = 13  # RFC 8446 4, HandshakeType
_LEGACY_SERVER_CONNECT = 0x4  # servers without RFC 5746 are still there, and shall be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How to ask: with which SNI, between which versions, for which key type (OpenSSL's words)."""

    server_name: str | None
    oldest: TlsVersion = "TLSv1.0"
    newest: TlsVersion = "TLSv1.3"
    ciphers: str = "ALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A handshake; `suite` is OpenSSL's name.

    With `client_certificate` "required" the server ends it there: it wants to see one of ours.
    """

    version: TlsVersion
    suite: str
    chain: tuple[Certificate, ...]
    client_certificate: Demand | None = None
    possession_proven: bool = True


class _Tls(ssl.SSLObject):
    # The version in which the server asked for our certificate, if it did.
    asked_in: TlsVersion | None = None


class Tls:
    """The stream inside TLS, and the handshake that opened it."""

    def __init__(self, tcp: Tcp, context: ssl.SSLContext, name: str | None) -> None:
        self._tcp = tcp
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context.sslobject_class = _Tls
        made = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._ssl = cast("_Tls", made)
        self.first = b""
        self._bytes = 0

    async def shake(self) -> Handshake:
        """Do the handshake. Raises OSError (SSLError, TimeoutError), EOFError, OverflowError."""
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            else:
                await self._flush()
                return self._result()

    def demanded(self) -> Handshake | None:
        """What was seen before the server broke off for want of our certificate, if it did."""
        cipher, version = self._ssl.cipher(), self._ssl.asked_in
        if version is None or cipher is None or not _ders(self._ssl):
            return None
        return Handshake(
            version=version,
            suite=cipher[0],
            chain=_chain(self._ssl),
            client_certificate="required",
            # RFC 5246 7.4.3: a key exchange that is signed was checked before our answer to the
            # demand; with plain RSA the server would have shown its key only afterwards.
            possession_proven="DHE-" in cipher[0],
        )

    @property
    def verified(self) -> bool:
        """Whether a context that verifies has accepted the server's certificate."""
        context = self._ssl.context
        asked = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
        return asked and bool(self._ssl.getpeercert())

    async def recv(self) -> bytes:
        """The next bytes inside TLS; empty at the end. Raises TimeoutError, OSError."""
        while True:
            try:
                return self._ssl.read(4096)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._tcp.recv()
                if not data:
                    return b""
                self._incoming.write(data)
            except ssl.SSLZeroReturnError:
                return b""

    async def send(self, data: bytes) -> None:
        """Send all of `data` inside TLS. Raises TimeoutError, OSError."""
        self._ssl.write(data)
        await self._flush()

    async def close(self) -> None:
        """Send close_notify. Raises TimeoutError, OSError."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._ssl.unwrap()
        await self._flush()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._tcp.send(data)

    async def _feed(self) -> None:
        data = await self._tcp.recv()
        if not data:
            raise EOFError
        self.first = self.first or data
        self._bytes += len(data)
        if self._bytes > MAX_FLIGHT:
            raise OverflowError
        self._incoming.write(data)

    def _result(self) -> Handshake:
        cipher = self._ssl.cipher()
        return Handshake(
            version=_NAMES[self._ssl.version() or ""],
            suite=cipher[0] if cipher else "",
            chain=_chain(self._ssl),
            client_certificate="asked" if self._ssl.asked_in else None,
        )


async def handshake(tcp: Tcp, variant: Variant, mode: TlsMode) -> tuple[Tls, Handshake]:
    """TLS on `tcp`, which a go-ahead has opened or which is fresh; raises ProbeError."""
    context = _context(variant.oldest, variant.newest, variant.ciphers)
    tls = opened(tcp, context, variant.server_name)
    try:
        return tls, await tls.shake()
    except (OSError, EOFError, OverflowError) as e:
        ended = isinstance(e, TimeoutError | OverflowError)
        demanded = None if ended else tls.demanded()
        if demanded is None:
            raise failure(e, tls.first, mode) from e
        return tls, demanded


def opened(tcp: Tcp, context: ssl.SSLContext, server_name: str | None) -> Tls:
    """TLS on `tcp` before its handshake; raises ProbeError for a name that SNI cannot carry."""
    try:
        return Tls(tcp, context, server_name)
    except ValueError as e:  # a leading dot, such as Postfix takes in an SNI map; an empty label
        name = shown(ascii(server_name).encode())
        raise ProbeError("handshake_failed", f"SNI cannot carry the name {name}") from e


def failure(error: OSError | EOFError | OverflowError, first: bytes, mode: TlsMode) -> ProbeError:
    """What the error of a handshake means; `first` are the server's first bytes."""
    if isinstance(error, OverflowError):
        return ProbeError("oversized", f"more than {MAX_FLIGHT} bytes of handshake")
    if _is_text(first):
        return _in_plain_text(first, mode)
    match error:
        case TimeoutError():
            return ProbeError("handshake_timeout", "the server goes silent in the TLS handshake")
        case ssl.SSLError():
            # OpenSSL's limit for a chain, not a fault of the server's.
            huge = error.reason == "EXCESSIVE_MESSAGE_SIZE"
            return ProbeError("oversized" if huge else "handshake_failed", _words(error))
        case _:
            return _hung_up(error, first, mode)


def _in_plain_text(first: bytes, mode: TlsMode) -> ProbeError:
    refusal = plain_refusal(first)
    if refusal:
        return ProbeError(refusal, f"in plain text: {shown(first.strip())}")
    if mode == "starttls":
        return ProbeError("handshake_failed", f"plain text instead of TLS: {shown(first.strip())}")
    if is_stranger(first):
        return wrong_protocol(first, "TLS")
    return ProbeError("plain_on_tls_port", f"the server speaks plain text: {shown(first.strip())}")


def _hung_up(error: OSError | EOFError, first: bytes, mode: TlsMode) -> ProbeError:
    how = "closes" if isinstance(error, EOFError) else "resets"
    if first:
        text = f"the server {how} the connection in mid-handshake"
    else:
        text = f"the server {how} the connection instead of answering the TLS hello"
    late = mode == "starttls" and not first
    return ProbeError("closed_after_go_ahead" if late else "handshake_failed", text, hung_up=True)


# What Python puts around OpenSSL's words where they give no reason.
_PLACE = re.compile(r"\[SSL\] | \(_ssl\.c:\d+\)")


def _is_text(first: bytes) -> bool:
    # A TLS record begins with a type of 20 to 24, which is no printable character (RFC 8446 5.1).
    start = first[:4]
    return (
        start.isascii()
        and bool(start)
        and all(c.isprintable() or c in "\t\r\n" for c in start.decode())
    )


# Where OpenSSL's own words say little.
_TOLD = {
    "wrong version number": "the server's answer is no TLS",
    "asn1 lib": "a certificate of the server's cannot be read",
}


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    said = error.reason or _PLACE.sub("", str(error))
    reason = said.lower().replace("_", " ").strip()
    return f"TLS handshake failed: {_TOLD.get(reason, reason)}"


@functools.cache
def _context(oldest: TlsVersion, newest: TlsVersion, ciphers: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is served is shown, then judged elsewhere
    context.set_ciphers(f"{ciphers}:!aNULL:!eNULL:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is what we look for
        context.minimum_version = VERSIONS[oldest]
        context.maximum_version = VERSIONS[newest]
    # Private, but in every Python: nothing else shows a CertificateRequest of TLS 1.3.
    context._msg_callback = _overheard  # type: ignore[attr-defined]  # noqa: SLF001
    return context


def _overheard(
    connection: _Tls, direction: str, version: Any, _kind: Any, message: Any, _data: bytes
) -> None:
    if direction == "read" and message == _CERTIFICATE_REQUEST:
        connection.asked_in = next((n for n, v in VERSIONS.items() if v == version), None)


def _chain(connection: ssl.SSLObject) -> tuple[Certificate, ...]:
    return certificates(_ders(connection))


def certificates(ders: Iterable[bytes]) -> tuple[Certificate, ...]:
    """The chain that was served; raises ProbeError when one of it is unreadable."""
    try:
        return tuple(map(_certificate, ders))
    except ValueError as e:
        raise ProbeError("handshake_failed", f"a served certificate is unreadable: {e}") from e


# Many servers show the same certificates, the authorities' above all.
_certificate = functools.lru_cache(maxsize=128)(x509.certificate)


def _ders(connection: Any) -> list[bytes]:
    public = getattr(connection, "get_unverified_chain", None)  # Python 3.13
    if public is not None:
        return list(public())
    served = connection._sslobj.get_unverified_chain() or []  # noqa: SLF001 - private before 3.13
    return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in served]
