"""What a certificate's key may be used for, as far as TLS libraries look at it."""

import functools

from certcheck import x509
from certcheck.model.certificate import Certificate


@functools.lru_cache(maxsize=4096)
def may_encipher(certificate: Certificate) -> bool:
    """Whether the key may do key exchange by RSA; what says nothing may (RFC 5280 4.2.1.3).

    A certificate that was only told of, without its bytes, is not known to forbid it.
    """
    from cryptography.x509 import ExtensionNotFound, KeyUsage

    if not certificate.der:
        return True
    try:
        usage = x509.parsed(certificate.der).extensions.get_extension_for_class(KeyUsage)
    except (ExtensionNotFound, ValueError):
        return True
    return usage.value.key_encipherment
