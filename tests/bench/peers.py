"""The command lines of the other tools, and what each of them saw."""

import hashlib
import json
import re
import ssl
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from certcheck.iana import suites
from certcheck.lab.plan import HOST
from certcheck.probe.scan_words import SUITES
from tests.bench.measure import Job, Output, Seen, by_version
from tests.bench.servers import Place

_SSLYZE = str(Path(sys.executable).with_name("sslyze"))
_SUITES = ("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3")
_ONLY = ("--mozilla_config=disable",)  # what is named, and nothing for the sake of a profile
_SLOW = 200.0
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)
_TESTSSL_VERSIONS = {"ssl3": "SSLv3", "tls1": "TLSv1.0", "tls1_1": "TLSv1.1"} | {
    "tls1_2": "TLSv1.2",
    "tls1_3": "TLSv1.3",
}


def sslyze_suites(place: Place) -> Job:
    """The command of sslyze, cipher suites only."""
    return _sslyze(place, "sslyze, suites", (*_ONLY, *_SUITES))


def sslyze_scan(place: Place) -> Job:
    """The command of sslyze, certificate and cipher suites."""
    return _sslyze(place, "sslyze, certificate and suites", ("--certinfo", *_ONLY, *_SUITES))


def sslyze_default(place: Place) -> Job:
    """The command of sslyze with all that it does by itself."""
    return _sslyze(place, "sslyze, default", ("--mozilla_config=intermediate",))


def sslyze_many(at_a_time: int, port: int, addresses: Iterable[str]) -> Job:
    """The API of sslyze, certificates of many."""
    words = (str(at_a_time), str(port), *addresses)
    return Job(
        name=f"sslyze API, {at_a_time} scans at a time",
        argv=(sys.executable, "-m", "tests.bench.sslyze_many", *words),
        read=lambda output: _pairs(output.stdout),
        is_python=True,
    )


def _sslyze(place: Place, name: str, commands: tuple[str, ...]) -> Job:
    where = f"{place.address}:{place.server.port}"
    options = ("--json_out={out}", f"--sni={HOST}", f"--starttls={place.server.scheme}")
    return Job(
        name=name,
        argv=(_SSLYZE, *options, *commands, where),
        read=_sslyze_document,
        is_python=True,
    )


def _pairs(text: str) -> Seen:
    pairs = [line.split() for line in text.splitlines()]
    return Seen(leaves=frozenset((address, digest) for address, digest in pairs))


def _sslyze_document(output: Output) -> Seen:
    (server,) = json.loads(output.file.read_text("utf-8"))["server_scan_results"]
    scan = server["scan_result"]
    accepted: dict[str, list[str]] = {
        version: [each["cipher_suite"]["name"] for each in result["accepted_cipher_suites"]]
        for version, name in SUITES.items()
        if (result := scan[name]["result"])
    }
    certificates = scan["certificate_info"]["result"] or {"certificate_deployments": ()}
    chains = [
        each["received_certificate_chain"] for each in certificates["certificate_deployments"]
    ]
    leaves = [_sha256(chain[0]["as_pem"]) for chain in chains]
    return Seen(suites=by_version(accepted), leaves=frozenset(("", each) for each in leaves))


def nmap_suites(place: Place) -> Job:
    """The script ssl-enum-ciphers of nmap."""
    argv = _nmap(place.server.port, "ssl-enum-ciphers", (place.address,))
    return Job(name="nmap ssl-enum-ciphers", argv=argv, read=_nmap_suites)


def nmap_certificates(port: int, addresses: Iterable[str]) -> Job:
    """The script ssl-cert of nmap at its fastest."""
    argv = _nmap(port, "ssl-cert", ("-T5", "--min-hostgroup", "256", *addresses))
    return Job(name="nmap ssl-cert", argv=argv, read=_nmap_leaves)


def _nmap(port: int, script: str, more: tuple[str, ...]) -> tuple[str, ...]:
    # At its registered port a service needs no `+` before the script's name.
    return ("nmap", "-n", "-Pn", "-p", str(port), "--script", script, "-oX", "{out}", *more)


def _nmap_suites(output: Output) -> Seen:
    found = {
        table.get("key", ""): [
            (each.text or "").replace("_AKE_WITH", "")
            for each in table.iterfind(".//elem[@key='name']")
        ]
        for table in ET.parse(output.file).iterfind(".//script/table")  # noqa: S314 - nmap's own
    }
    if not found:
        raise ValueError("no suites")
    return Seen(suites=by_version(found))


def _nmap_leaves(output: Output) -> Seen:
    found = set()
    for host in ET.parse(output.file).iterfind("host"):  # noqa: S314 - nmap's own
        address = host.find("address")
        for pem in host.iterfind(".//elem[@key='pem']"):
            if address is not None:
                found.add((address.get("addr", ""), _sha256(pem.text or "")))
    return Seen(leaves=frozenset(found))


def sslscan(place: Place, *, only_suites: bool = True) -> Job:
    """The command sslscan, with all that is no suite switched off, or as it comes."""
    less = [
        f"--no-{each}"
        for each in (
            *("heartbleed", "fallback", "renegotiation", "compression", "groups"),
            *("check-certificate", "cipher-details"),
        )
    ]
    return Job(
        name="sslscan, suites" if only_suites else "sslscan, default",
        argv=(
            *("sslscan", "--xml={out}", f"--starttls-{place.server.scheme}"),
            *(less if only_suites else ()),
            *(f"--sni-name={HOST}", f"{place.address}:{place.server.port}"),
        ),
        read=_sslscan_suites,
    )


def _sslscan_suites(output: Output) -> Seen:
    found = defaultdict(list)
    for each in ET.parse(output.file).iterfind(".//cipher"):  # noqa: S314 - sslscan's own
        found[each.attrib["sslversion"]].append(suites()[int(each.attrib["id"], 16)])
    return Seen(suites=by_version(found))


def testssl_suites(place: Place) -> Job:
    """testssl.sh, protocols and each suite by protocol."""
    return _testssl(place, "testssl.sh -p -E", ("-p", "-E"))


def testssl_clients(place: Place) -> Job:
    """testssl.sh's simulated clients."""
    return _testssl(place, "testssl.sh -c", ("-c",))


def _testssl(place: Place, name: str, words: tuple[str, ...]) -> Job:
    quiet = ("--quiet", "--warnings", "batch", "--nodns", "none", "--color", "0")
    where = f"{place.address}:{place.server.port}"
    options = ("--jsonfile", "{out}", "-t", place.server.scheme, *words)
    return Job(
        name=name,
        argv=("testssl", *quiet, *options, where),
        read=_testssl_document,
        limit=_SLOW,
        most=1,
    )


def _testssl_document(output: Output) -> Seen:
    found: dict[str, list[str]] = defaultdict(list)
    said = json.loads(output.file.read_text("utf-8"))
    for each in said:
        cipher = re.fullmatch(r"cipher-(\w+)_x([0-9a-f]+)", each["id"])
        if cipher:
            found[_TESTSSL_VERSIONS[cipher[1]]].append(suites()[int(cipher[2], 16)])
    clients = [each for each in said if each["id"].startswith("clientsimulation-")]
    if not found and not clients:
        raise ValueError("no suites and no clients")
    return Seen(suites=by_version(found), profiles=len(clients))


def openssl(place: Place) -> Job:
    """One handshake by openssl."""
    words = ("-starttls", place.server.scheme, "-servername", HOST)
    where = f"{place.address}:{place.server.port}"
    return Job(
        name="openssl s_client",
        argv=("openssl", "s_client", *words, "-connect", where),
        read=_openssl_leaf,
    )


def _openssl_leaf(output: Output) -> Seen:
    (pem,) = _PEM.findall(output.stdout)
    return Seen(leaves=frozenset({("", _sha256(pem))}))


def _sha256(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()
