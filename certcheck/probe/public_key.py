"""Public keys for the key shares of a hello, without arithmetic: nobody keeps the private ones."""

import itertools
import secrets
from collections.abc import Callable, Mapping

Token = Callable[[int], bytes]

_GREASE = range(0x0A0A, 0x10000, 0x1010)  # RFC 8701 2
# A server looks at a key before it answers, so a key must be one; whose it is shows only at the
# end of a handshake, and none of ours goes so far. Hence the base point for curves whose points
# are checked (SEC 2), 4 for finite fields, as a square is in the right subgroup (RFC 7919 5.1),
# coefficients below q for ML-KEM (FIPS 203 7.2), and any bytes for X25519 and X448 (RFC 7748 5).
_P256 = bytes.fromhex(
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_P384 = bytes.fromhex(
    "04"
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
)
_P521 = bytes.fromhex(
    "04"
    "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3d"
    "baa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66"
    "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e66"
    "2c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650"
)


def public_key(group: int, token: Token = secrets.token_bytes) -> bytes | None:
    """A key that servers of this group take, of random bytes by `token`; None if we know none."""
    if group in _GREASE:
        return b"\x00"
    make = _MAKERS.get(group)
    return None if make is None else make(token)


def _ml_kem(rank: int, token: Token) -> bytes:
    # Two coefficients of 12 bits in three bytes; the highest bit of each is cleared, as q is 3329.
    mask = itertools.cycle(b"\xff\xf7\x7f")
    vector = bytes(byte & kept for byte, kept in zip(token(384 * rank), mask, strict=False))
    return vector + token(32)


_MAKERS: Mapping[int, Callable[[Token], bytes]] = {
    0x0017: lambda _: _P256,
    0x0018: lambda _: _P384,
    0x0019: lambda _: _P521,
    0x001D: lambda token: token(32),
    0x001E: lambda token: token(56),
    0x0100: lambda _: (4).to_bytes(256),
    0x0101: lambda _: (4).to_bytes(384),
    0x0102: lambda _: (4).to_bytes(512),
    0x0103: lambda _: (4).to_bytes(768),
    0x0104: lambda _: (4).to_bytes(1024),
    # draft-ietf-tls-ecdhe-mlkem 4.1: X25519MLKEM768 alone has ML-KEM first
    0x11EB: lambda token: _P256 + _ml_kem(3, token),
    0x11EC: lambda token: _ml_kem(3, token) + token(32),
    0x11ED: lambda token: _P384 + _ml_kem(4, token),
}
