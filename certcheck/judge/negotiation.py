"""What a client's TLS stack and a server agree on, by the rules of TLS and of real libraries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from certcheck.errors import listed
from certcheck.judge.usage import may_encipher
from certcheck.model.certificate import Certificate, KeyType
from certcheck.model.client import Stack
from certcheck.model.observation import Deployment, Knock, Observation, TlsVersion

_VERSIONS: tuple[TlsVersion, ...] = get_args(TlsVersion)
_OLD = frozenset({"SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"})
# RFC 8446 4.2.3: in TLS 1.3 each curve has its own scheme; RSA signs by PSS only.
_CURVES: Mapping[str, tuple[str, str]] = {
    "P-256": ("secp256r1", "ecdsa_secp256r1_sha256"),
    "P-384": ("secp384r1", "ecdsa_secp384r1_sha384"),
    "P-521": ("secp521r1", "ecdsa_secp521r1_sha512"),
}
# What every stack of TLS 1.3 has, by RFC 8446 9.1, where no source tells more.
_MANDATORY = ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256")
_MANY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What was agreed; `suite` is None where the server's order decides, which is not known.

    `served` are the deployments that may be shown then, mostly one.
    """

    version: TlsVersion
    suite: str | None
    served: tuple[Deployment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSession:
    """Why there is none; `sure` is False where it is only not known.

    `by_client` says that the server would go on, and the client does not.
    """

    reason: str
    version: TlsVersion | None = None
    sure: bool = True
    by_client: bool = False


def negotiated(
    stack: Stack, server: Observation, deployments: Sequence[Deployment]
) -> Session | NoSession:
    """What comes of the stack's hello at a server that serves these deployments to it.

    The highest version that both know, without falling back from it (RFC 8446 4.2.1, RFC 5246 E.1).
    """
    common = [v for v in _VERSIONS if v in stack.versions and v in server.protocols]
    if not common:
        return NoSession(reason=_no_version(stack, server))
    version = common[-1]
    if version in _OLD and stack.level:
        why = f"it refuses {_short(version)}, and the server has nothing newer"
        return NoSession(reason=why, version=version, by_client=True)
    accepted = server.cipher_suites.get(version, ())
    if not accepted:
        why = f"not known which cipher suites the server takes in {_short(version)}"
        return NoSession(reason=why, version=version, sure=False)
    both = [suite for suite in stack.suites if suite in accepted]
    if not both:
        why = f"it has no cipher suite in common with the server in {_short(version)}"
        return NoSession(reason=why, version=version)
    if version == "TLSv1.3":
        return _new(stack, server, deployments, both)
    return _old(stack, server, deployments, version, both)


def real(
    expected: Session | NoSession, knock: Knock | None, deployments: Sequence[Deployment]
) -> Session | NoSession:
    """What the server's real answer to the stack's hello makes of an expectation."""
    if knock is None or knock.doubt or (isinstance(expected, NoSession) and expected.by_client):
        return expected
    if knock.version is None or knock.suite is None:
        if isinstance(expected, NoSession) and expected.sure:
            return expected
        return NoSession(reason="the server refuses its hello")
    if isinstance(expected, Session) and knock.version == "TLSv1.3":
        return replace(expected, version=knock.version, suite=knock.suite)
    kind = _key_type(knock.suite)
    served = tuple(each for each in deployments if kind in (None, each.key_type))
    return Session(version=knock.version, suite=knock.suite, served=served or tuple(deployments))


def contradiction(expected: Session | NoSession, knock: Knock) -> str | None:
    """How the server's real answer differs from what was expected; None where it does not."""
    if knock.doubt or (
        isinstance(expected, NoSession) and (expected.by_client or not expected.sure)
    ):
        return None
    said = f"{_short(knock.version)} with {knock.suite}" if knock.version else "a refusal"
    if isinstance(expected, NoSession):
        return None if knock.version is None else f"expected a refusal, and the answer is {said}"
    same = expected.version == knock.version and expected.suite in (None, knock.suite)
    wanted = " with ".join(filter(None, (_short(expected.version), expected.suite)))
    return None if same else f"expected {wanted}, and the answer is {said}"


def _new(
    stack: Stack, server: Observation, deployments: Sequence[Deployment], both: Sequence[str]
) -> Session | NoSession:
    if server.groups and stack.groups and not set(server.groups) & set(stack.groups):
        return NoSession(reason="it has no group in common with the server", version="TLSv1.3")
    usable = _signed_for(stack, deployments)
    if not usable:
        keys = listed([each.leaf.key for each in deployments], most=_MANY)
        sure = stack.signatures is not None
        can = "it cannot check" if sure else "not known whether it can check"
        why = f"{can} signatures by the server's key ({keys})"
        return NoSession(reason=why, version="TLSv1.3", sure=sure)
    suite = both[0] if server.preference == "client" or len(both) == 1 else None
    return Session(version="TLSv1.3", suite=suite, served=usable[:1])


def _signed_for(stack: Stack, deployments: Sequence[Deployment]) -> tuple[Deployment, ...]:
    # In the client's order, which servers follow (OpenSSL's tls_choose_sigalg).
    schemes = _MANDATORY if stack.signatures is None else stack.signatures
    ranked = [
        (min(places), number)
        for number, each in enumerate(deployments)
        if (places := [n for n, s in enumerate(schemes) if s in _schemes(each.leaf)])
    ]
    return tuple(deployments[number] for _, number in sorted(ranked))


def _schemes(leaf: Certificate) -> frozenset[str]:
    if leaf.key_type == "ecdsa":
        return frozenset(_CURVES.get(leaf.key.removeprefix("ECDSA "), ("", ""))[1:])
    if leaf.key_type == "rsa":
        return frozenset(f"rsa_pss_rsae_sha{size}" for size in (256, 384, 512))
    return frozenset({leaf.key.removeprefix("EdDSA ").lower()})


def _old(
    stack: Stack,
    server: Observation,
    deployments: Sequence[Deployment],
    version: TlsVersion,
    both: Sequence[str],
) -> Session | NoSession:
    keys = {each.key_type: each for each in reversed(deployments)}
    usable = [s for s in both if all(_hurdles(stack, server, keys, version, s))]
    if not usable:
        kinds = " and ".join(sorted(kind.upper() for kind in keys)) or "no"
        why = (
            f"none of the cipher suites that both have in {_short(version)} works with the "
            f"server's {kinds} certificate and its key exchange"
        )
        return NoSession(reason=why, version=version)
    decided = server.preference == "client" or len(usable) == 1
    choices = usable[:1] if decided else usable
    if stack.key_usage and not any(_usage_fits(keys, suite) for suite in choices):
        why = "the certificate does not allow its key to be used for key exchange by RSA"
        return NoSession(reason=why, version=version, by_client=True)
    served = dict.fromkeys(keys[kind] for s in choices if (kind := _key_type(s)) in keys)
    return Session(
        version=version, suite=usable[0] if decided else None, served=_in_order(served, deployments)
    )


def _usage_fits(keys: Mapping[KeyType, Deployment], suite: str) -> bool:
    return not suite.startswith("TLS_RSA_") or may_encipher(keys["rsa"].leaf)


def _in_order(
    served: Mapping[Deployment, None], deployments: Sequence[Deployment]
) -> tuple[Deployment, ...]:
    return tuple(each for each in deployments if each in served)


def _hurdles(
    stack: Stack,
    server: Observation,
    keys: Mapping[KeyType, Deployment],
    version: TlsVersion,
    suite: str,
) -> Iterator[bool]:
    kind = _key_type(suite)
    yield kind is None or kind in keys
    if suite.startswith("TLS_ECDHE_"):
        yield not (stack.groups and server.groups) or bool({*stack.groups} & {*server.groups})
    if kind == "ecdsa" and kind in keys:
        curve = _CURVES.get(keys[kind].leaf.key.removeprefix("ECDSA "), ("", ""))[0]
        # RFC 8422 5.1: the curve of the certificate must be among the client's.
        yield not stack.groups or curve in stack.groups
    if version == "TLSv1.2" and kind and suite.startswith(("TLS_ECDHE_", "TLS_DHE_")):
        # RFC 5246 7.4.1.4.1. Below TLS 1.3 the schemes name a hash and a kind of key, no curve.
        start = ("ecdsa_",) if kind == "ecdsa" else ("rsa_pkcs1_", "rsa_pss_rsae_")
        yield stack.signatures is None or any(s.startswith(start) for s in stack.signatures)


def _key_type(suite: str) -> KeyType | None:
    exchange = suite.removeprefix("TLS_").partition("_WITH_")[0]
    if exchange.endswith("ECDSA"):
        return "ecdsa"
    return "rsa" if exchange.endswith("RSA") or exchange.startswith("RSA_EXPORT") else None


def _no_version(stack: Stack, server: Observation) -> str:
    if not server.protocols:
        return "the server takes no version of TLS that was asked for"
    theirs = listed([_short(v) for v in server.protocols], most=6)
    return f"it knows {_short(stack.versions[-1])} at most, and the server takes {theirs} only"


def _short(version: str) -> str:
    return version.replace("v", " ", 1)
