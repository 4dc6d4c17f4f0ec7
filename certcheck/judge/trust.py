"""Whether a served chain leads to one of given roots, by path validation as RFC 5280 6 has it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from certcheck import x509
from certcheck.judge import served
from certcheck.model.certificate import Certificate
from certcheck.model.observation import Verdict

if TYPE_CHECKING:
    from cryptography import x509 as cx509
    from cryptography.x509.verification import ExtensionPolicy, Policy, Subject

# How the verifier's own words begin or go on, and what an admin can do something with.
_WORDS = (
    ("no interior errors", "the chain leads to no root of this store"),
    ("cert is not valid at", "an intermediate or root certificate is not valid at this time"),
    ("cA must not be", "the server's certificate is a CA certificate"),
    ("cA must be", "a certificate that is no CA certificate issued another one"),
    ("2.5.29.35", "a certificate does not say which key signed it"),
    ("2.5.29.19", "a certificate does not say whether it may issue others"),
    ("2.5.29.15", "a certificate may not be used for what it does"),
    ("2.5.29.37", "the certificate is not made for servers"),
    ("EKU", "the certificate is not made for servers"),
    ("ublic key", "a key of the chain is too weak or of an unusual kind"),
    ("ignature algorithm", "a signature of the chain is too old or of an unusual kind"),
    ("candidates exhausted", "the chain leads to no root of this store"),
)


def trusted(
    chain: Sequence[Certificate], roots: Sequence[Certificate], *, name: str, now: datetime
) -> tuple[Verdict, str]:
    """Whether programs with these roots accept the chain for `name`, and if not, why in words.

    Strict, as a browser is: a self-signed certificate is not accepted even when it is a root.
    Inconclusive when the verifier cannot be asked (a name with an underscore, unreadable roots).
    """
    plain = _plain_reason(chain, name, now)
    if plain:
        return "fail", plain
    subject = _subject(chain[0], name)
    loaded = [root for root in map(_opened, roots) if root]
    if subject is None or not loaded:
        return "inconclusive", "the store is empty" if subject else f"{name} is no valid host name"
    return _verified(chain, loaded, subject, now)


def _plain_reason(chain: Sequence[Certificate], name: str, now: datetime) -> str:
    if not chain:
        return "no certificate was served"
    leaf = chain[0]
    if leaf.self_signed:
        return "self-signed"
    if leaf.not_after < now:
        return "expired"
    if leaf.not_before > now:
        return "not yet valid"
    return "" if served.covered(leaf, name) else f"does not name {name}"


def _subject(leaf: Certificate, name: str) -> "Subject | None":
    # The name was compared already. The verifier refuses to hear of some that we accept (an
    # underscore, D48), so any name of the certificate that it does accept stands in.
    import ipaddress

    from cryptography.x509 import DNSName, IPAddress

    for candidate in (name, *(each.replace("*", "any", 1) for each in leaf.names)):
        try:
            return IPAddress(ipaddress.ip_address(candidate))
        except ValueError:
            pass
        if _is_plain(candidate):
            return DNSName(candidate.rstrip("."))
    return None


def _is_plain(name: str) -> bool:
    return name.isascii() and all(part.replace("-", "").isalnum() for part in name.split("."))


def _opened(certificate: Certificate) -> "cx509.Certificate | None":
    try:
        return x509.parsed(certificate.der)
    except ValueError:
        return None


def _verified(
    chain: Sequence[Certificate],
    roots: list["cx509.Certificate"],
    subject: "Subject",
    now: datetime,
) -> tuple[Verdict, str]:
    from cryptography.x509 import UnsupportedGeneralNameType
    from cryptography.x509.verification import (
        ExtensionPolicy,
        PolicyBuilder,
        Store,
        VerificationError,
    )

    leaf, *others = (_opened(each) for each in chain)
    if leaf is None:
        return "fail", "the certificate cannot be read"
    try:
        policy = (
            PolicyBuilder()
            .store(Store(roots))
            .time(now)
            .extension_policies(
                ca_policy=_ca_policy(), ee_policy=ExtensionPolicy.webpki_defaults_ee()
            )
        )
        policy.build_server_verifier(subject).verify(leaf, [each for each in others if each])
    except VerificationError as e:
        return "fail", _in_words(str(e))
    except (ValueError, TypeError, KeyError, UnsupportedGeneralNameType) as e:
        return "inconclusive", f"the chain is too odd to be judged: {type(e).__name__}"
    return "pass", ""


def _ca_policy() -> "ExtensionPolicy":
    # As mail programs do, and milder than a browser: a private root from `openssl req -x509` has
    # no key usage. Where there is one it must allow signing (RFC 5280 4.2.1.3).
    from cryptography.x509 import BasicConstraints, KeyUsage
    from cryptography.x509.verification import Criticality, ExtensionPolicy

    policy = ExtensionPolicy.permit_all()
    policy = policy.require_present(BasicConstraints, Criticality.AGNOSTIC, None)
    return policy.may_be_present(KeyUsage, Criticality.AGNOSTIC, _may_sign)


def _may_sign(
    _policy: "Policy", _certificate: "cx509.Certificate", usage: "cx509.KeyUsage | None"
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("2.5.29.15")


def _in_words(error: str) -> str:
    told = next((words for piece, words in _WORDS if piece in error), "")
    return told or f"not accepted: {error.partition(' (encountered')[0]}"
