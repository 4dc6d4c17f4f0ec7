"""Pebble, the ACME server of the lab, and pebble-challtestsrv, the DNS that it believes."""

import json
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from certcheck.lab import pki
from certcheck.lab.daemons import Daemon
from certcheck.lab.plan import BLOCKED, LabOptions, Ports, address
from certcheck.lab.ports import LOOPBACK
from certcheck.lab.premises import Premises, program

_DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    """The ACME server: its directory, the CA of its own HTTPS, and its two daemons.

    Pebble builds its URLs from the Host header, so one spelling of the directory serves everybody.
    """

    directory: str
    management: str
    ca_file: Path
    daemons: tuple[Daemon, Daemon]


def prepare(
    premises: Premises,
    ports: Ports,
    options: LabOptions,
    *,
    believed: tuple[str, str] = (LOOPBACK, ""),
) -> Ca:
    """Write Pebble's configuration and certificate, and say how to start it.

    `believed` are the IPv4 and the IPv6 address that every name has for it.
    """
    trust = pki.authority()
    https = trust.issue(pki.Shape(names=("localhost", LOOPBACK)))
    config = {
        "listenAddress": address(ports.acme),
        "managementListenAddress": address(ports.acme_management),
        "certificate": str(premises.write("pebble/cert.pem", https.chain)),
        "privateKey": str(premises.write("pebble/key.pem", https.key, mode=0o600)),
        "httpPort": ports.http01,
        "tlsPort": ports.tls_alpn,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        "domainBlocklist": [BLOCKED],
        "certificateValidityPeriod": options.validity_days * _DAY,
    }
    file = premises.write("pebble/pebble.json", json.dumps({"pebble": config}, indent=2))
    return Ca(
        directory=f"https://localhost:{ports.acme}/dir",
        management=f"https://localhost:{ports.acme_management}",
        ca_file=premises.write("acme-ca.pem", trust.root.certificate),
        daemons=(_challtestsrv(premises, ports, believed), _pebble(premises, ports, options, file)),
    )


def fetched(url: str, *, ca_file: Path, timeout: float = 5) -> bytes:
    """What Pebble answers to a GET; raises OSError while it does not."""
    trust = ssl.create_default_context(cafile=str(ca_file))
    with urllib.request.urlopen(url, context=trust, timeout=timeout) as answer:  # noqa: S310 - our own https URL
        body: bytes = answer.read()
    return body


def _challtestsrv(premises: Premises, ports: Ports, believed: tuple[str, str]) -> Daemon:
    return Daemon(
        name="pebble-challtestsrv",
        argv=(
            program("pebble-challtestsrv"),
            *("-management", address(ports.challenges)),
            *("-dns01", address(ports.challenges_dns)),
            *("-defaultIPv4", believed[0], "-defaultIPv6", believed[1]),
            # The listener for http-01 is certcheck's own.
            *("-http01", "", "-https01", "", "-tlsalpn01", ""),
        ),
        output=premises.logs / "challtestsrv.log",
    )


def _pebble(premises: Premises, ports: Ports, options: LabOptions, config: Path) -> Daemon:
    return Daemon(
        name="pebble",
        argv=(
            program("pebble"),
            *("-config", str(config), "-dnsserver", address(ports.challenges_dns)),
        ),
        output=premises.logs / "pebble.log",
        env={
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_AUTHZREUSE": "0",
            "PEBBLE_WFE_NONCEREJECT": str(options.nonce_reject),
            "PEBBLE_ALTERNATE_ROOTS": str(options.alternate_roots),
            "PEBBLE_CHAIN_LENGTH": str(options.chain_length),
        },
    )
