"""Which change to a server lets programs in, or in silently; how it is made, what it costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from certcheck.judge.plans import with_kinds
from certcheck.judge.prediction import Known, predicted
from certcheck.judge.stores import cross_signs
from certcheck.model.certificate import Certificate
from certcheck.model.client import Client
from certcheck.model.observation import Deployment, Observation, TlsVersion
from certcheck.model.prediction import Result

Change = Callable[[Observation], Observation]
_BETTER: Mapping[Result, Sequence[Result]] = {
    "locked_out": ("asks", "connects"),
    "asks": ("connects",),
}
_CBC = tuple(
    f"TLS_ECDHE_{key}_WITH_AES_{bits}_CBC_SHA{size}"
    for key in ("ECDSA", "RSA")
    for bits, size in ((256, "384"), (128, "256"), (256, ""), (128, ""))
)
_RSA = tuple(
    f"TLS_RSA_WITH_AES_{rest}"
    for rest in (
        *("256_GCM_SHA384", "128_GCM_SHA256", "256_CBC_SHA256", "128_CBC_SHA256"),
        *("256_CBC_SHA", "128_CBC_SHA"),
    )
)
_DHE = ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256")
_OLDER: tuple[TlsVersion, ...] = ("TLSv1.0", "TLSv1.1", "TLSv1.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A change that an admin can make: its settings, and its price in security."""

    id: str
    title: str
    change: Change
    settings: Mapping[str, str]
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A remedy, and the programs that fare better with it than without."""

    remedy: Remedy
    helped: tuple[Client, ...]


def advice(
    clients: Sequence[Client], seen: Observation, name: str, known: Known
) -> tuple[Advice, ...]:
    """The remedies that let any of `clients` in, or in without a question; the cheapest first.

    What the server really said to a hello says nothing of a server that was changed.
    """
    plain = replace(seen, knocks=())
    now = {each.id: predicted(each, plain, name, known).result for each in clients}
    return tuple(_helpful(clients, now, plain, name, known))


def _helpful(
    clients: Sequence[Client],
    now: Mapping[str, Result],
    seen: Observation,
    name: str,
    known: Known,
) -> Iterator[Advice]:
    for remedy in REMEDIES:
        changed = remedy.change(seen)
        if changed == seen:
            continue
        helped = tuple(
            each
            for each in clients
            if predicted(each, changed, name, known).result in _BETTER.get(now[each.id], ())
        )
        if helped:
            yield Advice(remedy=remedy, helped=helped)


def _with_suites(versions: Sequence[TlsVersion], suites: Sequence[str]) -> Change:
    def changed(seen: Observation) -> Observation:
        more = dict(seen.cipher_suites)
        for version in versions:
            if had := more.get(version):
                more[version] = (*had, *(suite for suite in suites if suite not in had))
        return replace(seen, cipher_suites=more)

    return changed


def _with_versions(seen: Observation) -> Observation:
    missing = [v for v in _OLDER if v not in seen.protocols]
    if not missing:
        return seen
    old = tuple(suite for suite in (*_CBC, *_RSA) if suite.endswith("_SHA"))
    suites: dict[str, tuple[str, ...]] = dict.fromkeys(missing, old)
    suites |= seen.cipher_suites
    return replace(seen, protocols=(*missing, *seen.protocols), cipher_suites=suites)


def _with_key(key: str) -> Change:
    def changed(seen: Observation) -> Observation:
        kind = "rsa" if key.startswith("RSA") else "ecdsa"
        served = [each for each in seen.deployments if each.chain]
        if not served or any(each.key_type == kind for each in served):
            return seen
        twins = tuple(_twin(each, key) for each in served)
        both = replace(seen, deployments=(*seen.deployments, *twins))
        return with_kinds(both, (kind,))

    return changed


def _twin(deployment: Deployment, key: str) -> Deployment:
    leaf: Certificate = replace(deployment.leaf, key=key)
    return replace(deployment, key_type=leaf.key_type, chain=(leaf, *deployment.chain[1:]))


def _with_cross_signs(seen: Observation) -> Observation:
    carried = tuple(replace(each, chain=_carried(each.chain)) for each in seen.deployments)
    return replace(seen, deployments=carried)


def _carried(chain: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    known = {each.subject: each for each in cross_signs()}
    while chain and (more := known.get(chain[-1].issuer)) and more not in chain:
        chain = (*chain, more)
    return chain


def _same_without_sni(seen: Observation) -> Observation:
    named = [each for each in seen.deployments if each.server_name is not None]
    without = tuple(replace(each, server_name=None) for each in named)
    changed = replace(seen, deployments=(*named, *without))
    had = {each.leaf.sha256 for each in seen.deployments if each.server_name is None and each.chain}
    return seen if had == {each.leaf.sha256 for each in without if each.chain} else changed


_CIPHERS = {
    "dovecot": "ssl_cipher_list = {0}",
    "postfix": "smtpd_tls_mandatory_ciphers = medium\ntls_medium_cipherlist = {0}",
}


def _ciphers(added: str) -> Mapping[str, str]:
    whole = f"ECDHE+AESGCM:ECDHE+CHACHA20:{added}:!aNULL"
    return {server: text.format(whole) for server, text in _CIPHERS.items()}


REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        id="default_certificate",
        title="Serve the host's own certificate to programs that send no server name",
        change=_same_without_sni,
        settings={
            "dovecot": "ssl_cert, ssl_key outside of all local_name blocks: those of this name\n"
            "# 2.4: ssl_server_cert_file, ssl_server_key_file",
            "postfix": "smtpd_tls_chain_files: those of this name\n"
            "# tls_server_sni_maps is for the other names",
        },
        cost="nothing",
    ),
    Remedy(
        id="cross_signed_chain",
        title="Serve the chain with the cross-signed roots",
        change=_with_cross_signs,
        settings={
            "dovecot": "ssl_cert = </path/fullchain.pem   # all of what the authority sends\n"
            "# 2.4: ssl_server_cert_file",
            "postfix": "smtpd_tls_chain_files = /path/key.pem, /path/fullchain.pem",
        },
        cost="nothing; each handshake is larger by one or two certificates",
    ),
    Remedy(
        id="second_certificate_ecdsa",
        title="Serve a second certificate with an ECDSA P-256 key",
        change=_with_key("ECDSA P-256"),
        settings={
            "dovecot": "ssl_alt_cert = </path/ecdsa.pem\nssl_alt_key = </path/ecdsa.key\n"
            "# 2.4: ssl_server_alt_cert_file, ssl_server_alt_key_file",
            "postfix": "smtpd_tls_chain_files = /path/rsa.pem, /path/ecdsa.pem",
        },
        cost="nothing; one certificate more to renew",
    ),
    Remedy(
        id="second_certificate_rsa",
        title="Serve a second certificate with an RSA key of 2048 bits",
        change=_with_key("RSA 2048"),
        settings={
            "dovecot": "ssl_alt_cert = </path/rsa.pem\nssl_alt_key = </path/rsa.key\n"
            "# 2.4: ssl_server_alt_cert_file, ssl_server_alt_key_file",
            "postfix": "smtpd_tls_chain_files = /path/ecdsa.pem, /path/rsa.pem",
        },
        cost="nothing; one certificate more to renew",
    ),
    Remedy(
        id="dh_parameters",
        title="Take DHE with AES-GCM, with parameters of 2048 bits",
        change=_with_suites(("TLSv1.2",), _DHE),
        settings={
            "dovecot": "ssl_dh = </path/dh.pem   # 2.4: ssl_server_dh_file\n"
            "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL",
            "postfix": "smtpd_tls_dh1024_param_file = auto   # before 3.7: a file with 2048 bits\n"
            "tls_medium_cipherlist = ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL",
        },
        cost="handshakes cost the server more, so that it is easier to overload",
    ),
    Remedy(
        id="cbc_suites",
        title="Take ECDHE with AES-CBC in TLS 1.2",
        change=_with_suites(("TLSv1.2",), _CBC),
        settings=_ciphers("ECDHE+AES"),
        cost="CBC has had padding attacks (Lucky 13), which libraries of today guard against",
    ),
    Remedy(
        id="rsa_key_exchange",
        title="Take RSA key exchange in TLS 1.2",
        change=_with_suites(("TLSv1.2",), (*_CBC, *_RSA)),
        settings=_ciphers("ECDHE+AES:RSA+AESGCM:RSA+AES"),
        cost="no forward secrecy: whoever gets the key later can read what was recorded today",
    ),
    Remedy(
        id="old_versions",
        title="Take TLS 1.0 and 1.1",
        change=_with_versions,
        settings={
            server: f"{first}\n{_ciphers('ECDHE+AES:RSA+AES')[server]}:@SECLEVEL=0"
            for server, first in (
                ("dovecot", "ssl_min_protocol = TLSv1"),
                ("postfix", "smtpd_tls_protocols = >=TLSv1   # before 3.6: !SSLv2, !SSLv3"),
            )
        },
        cost="no longer allowed (RFC 8996): signatures by SHA-1, and no modern cipher suites",
    ),
)
