"""TLS that a password may go through: the chain leads to a known root, and the name is right."""

import contextlib
import functools
import ssl

from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Hostname, TlsMode
from certcheck.probe.handshake import Tls, failure, opened
from certcheck.probe.limits import ProbeError
from certcheck.probe.tcp import Tcp


async def verified(
    tcp: Tcp, host: Hostname, mode: TlsMode, *, roots: tuple[Certificate, ...]
) -> Tls:
    """TLS with a server whose certificate is good for `host`; raises ProbeError for all others.

    TLS 1.2 at least. The system's roots are trusted, and those in `roots` as they are: also a
    certificate that a server has signed itself.
    """
    tls = opened(tcp, _context(roots), host.ascii)
    try:
        await tls.shake()
    except (OSError, EOFError, OverflowError) as e:
        raise failure(e, tls.first, mode) from e
    if not tls.verified:
        raise ProbeError("handshake_failed", "the certificate was not verified")
    return tls


@functools.cache
def _context(roots: tuple[Certificate, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 2: a common name names no service
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_default_certs()
    for root in roots:
        with contextlib.suppress(ssl.SSLError):  # what OpenSSL cannot read vouches for nobody
            context.load_verify_locations(cadata=root.der)
    return context
