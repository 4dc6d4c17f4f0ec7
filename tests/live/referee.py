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
