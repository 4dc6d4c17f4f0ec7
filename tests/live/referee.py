"""The openssl program as the referee: what a port serves, by the word of somebody else."""

import hashlib
import re
import ssl
import subprocess

from certcheck.model.endpoint import Endpoint

_STARTTLS = {"imap": "imap", "pop3": "pop3", "smtp": "smtp", "submission": "smtp", "sieve": "sieve"}


def shown(service: Endpoint, address: str, *options: str) -> str:
    """The leaf's SHA-256 by the word of the openssl program, or what it says of its failure."""
    starttls = _STARTTLS.get(service.scheme)
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"{address}:{service.port}"),
            *("-servername", service.host.ascii),
            *(("-starttls", starttls) if starttls else ()),
            *options,
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    found = re.search(r"-----BEGIN CERT.+?END CERTIFICATE-----\n", done.stdout, re.DOTALL)
    if found is None:
        return f"none: {done.stderr}"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).hexdigest()
