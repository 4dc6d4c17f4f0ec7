"""The openssl program as the referee: what a port serves, by the word of somebody else."""

import hashlib
import re
import ssl
import subprocess

from certcheck.model.endpoint import Endpoint

_STARTTLS = {
    **{name: name for name in ("imap", "pop3", "smtp", "sieve", "lmtp")},
    "submission": "smtp",
}
# OpenSSL's names of what it has for TLS 1.3, and IANA's.
_GROUPS = {
    **{name: name for name in ("X25519", "X448", "secp384r1", "secp521r1")},
    "prime256v1": "secp256r1",
    **{name: name for name in ("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192")},
}
_CERTIFICATE = re.compile(r"-----BEGIN CERT.+?END CERTIFICATE-----\n", re.DOTALL)


def shown(service: Endpoint, address: str, *options: str) -> str:
    """The leaf's SHA-256 by the word of the openssl program, or what it says of its failure."""
    done = _asked(service, address, *options)
    found = _CERTIFICATE.search(done.stdout)
    return _sha256(found[0]) if found else f"none: {done.stderr}"


def chain(service: Endpoint, address: str, *options: str) -> tuple[str, ...]:
    """The SHA-256 of every certificate that is sent, by the word of the openssl program."""
    done = _asked(service, address, "-showcerts", *options)
    return tuple(_sha256(pem) for pem in _CERTIFICATE.findall(done.stdout))


def groups(service: Endpoint, address: str) -> set[str]:
    """The groups that a server takes in TLS 1.3, each offered alone by the openssl program."""
    taken = (
        name for name in _GROUPS if ":" not in shown(service, address, "-tls1_3", "-groups", name)
    )
    return {_GROUPS[name] for name in taken}


def _asked(service: Endpoint, address: str, *options: str) -> subprocess.CompletedProcess[str]:
    starttls = _STARTTLS.get(service.scheme)
    sni = () if "-noservername" in options else ("-servername", service.host.ascii)
    return subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"{address}:{service.port}", *sni),
            *(("-starttls", starttls) if starttls else ()),
            *options,
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def _sha256(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
