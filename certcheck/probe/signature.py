"""The signature of TLS 1.2 on a key exchange: it proves that the server holds its key now."""

import functools
from typing import TYPE_CHECKING

from certcheck import x509

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_NAMED_CURVE = 3  # RFC 8422 5.4
_RSA, _ECDSA = 1, 3  # RFC 5246 7.4.1.4.1
_PSS, _ED25519, _ED448 = (0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B), 0x0807, 0x0808


def is_good(key_exchange: bytes, *, randoms: bytes, leaf: bytes) -> bool:
    """Whether the key of `leaf` has signed this ServerKeyExchange for these two random values.

    False, too, for what cannot be read or is not known here: then nothing is proven.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        parameters, scheme, signature = _parts(key_exchange)
        _verify(_key(leaf), scheme, signature, randoms + parameters)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


# Many servers show the same certificate.
_key = functools.lru_cache(maxsize=128)(x509.opened_key)


def _parts(body: bytes) -> tuple[bytes, int, bytes]:
    # RFC 8422 5.4: type, curve, point; RFC 5246 7.4.3: p, g and the public value, with 16 bits of
    # length each. Then scheme and signature.
    if body[:1] == bytes([_NAMED_CURVE]):
        end = 4 + int.from_bytes(body[3:4])
    else:
        end = 0
        for _ in range(3):
            end += 2 + int.from_bytes(body[end : end + 2])
    size = int.from_bytes(body[end + 2 : end + 4])
    signature = body[end + 4 :]
    if not signature or len(signature) != size:
        raise ValueError("this is no signed key exchange")
    return body[:end], int.from_bytes(body[end : end + 2]), signature


def _verify(key: "PublicKeyTypes", scheme: int, signature: bytes, content: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

    match key:
        case rsa.RSAPublicKey() if scheme in _PSS:
            digest = _digest(0x04 + (scheme - _PSS[0]) % 5)
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            key.verify(signature, content, pss, digest)
        case rsa.RSAPublicKey() if scheme & 0xFF == _RSA:
            key.verify(signature, content, padding.PKCS1v15(), _digest(scheme >> 8))
        case ec.EllipticCurvePublicKey() if scheme & 0xFF == _ECDSA:
            key.verify(signature, content, ec.ECDSA(_digest(scheme >> 8)))
        case ed25519.Ed25519PublicKey() if scheme == _ED25519:
            key.verify(signature, content)
        case ed448.Ed448PublicKey() if scheme == _ED448:
            key.verify(signature, content)
        case _:
            raise ValueError("another kind of signature than the key makes")


def _digest(number: int) -> "HashAlgorithm":
    # RFC 5246 7.4.1.4.1; MD5 (1) proves nothing, as two texts with one hash are made in no time.
    from cryptography.hazmat.primitives import hashes

    match number:
        case 2:
            return hashes.SHA1()  # noqa: S303 - an old server's best; the random values are ours
        case 3:
            return hashes.SHA224()
        case 4:
            return hashes.SHA256()
        case 5:
            return hashes.SHA384()
        case 6:
            return hashes.SHA512()
        case _:
            raise ValueError("an unknown hash")
