"""The child process that runs sslyze on one server: a request on stdin, an answer on stdout.

It is a process of its own because a hostile server makes sslyze hang, spin or grow.
"""

import ctypes
import json
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from traceback import TracebackException
from typing import Any

from certcheck.probe.scan_words import Answer, Request, Served, Verdict

_MEMORY = 256 * 1024 * 1024
_CPU_SECONDS = 20
_STACK = 512 * 1024
_TIMEOUT = 60  # the bridge owns all other deadlines: sslyze reads its own as "rejected"
_PR_SET_PDEATHSIG = 1
_COMMANDS = {
    "SSLv2": "ssl_2_0_cipher_suites",
    "SSLv3": "ssl_3_0_cipher_suites",
    "TLSv1.0": "tls_1_0_cipher_suites",
    "TLSv1.1": "tls_1_1_cipher_suites",
    "TLSv1.2": "tls_1_2_cipher_suites",
    "TLSv1.3": "tls_1_3_cipher_suites",
}


def main() -> None:
    """Read a request, scan, write the answer."""
    _confine()
    fields = json.load(sys.stdin)
    request = Request(**{**fields, "versions": tuple(fields["versions"])})
    json.dump(asdict(scan(request)), sys.stdout)


def scan(request: Request) -> Answer:
    """What sslyze says of the server behind the proxy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography's, on odd certificates of its trust stores
        return _answer(request, _scanned(request))


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    threading.stack_size(_STACK)
    # Without a parent there is no bridge, and sslyze spins on a proxy that is gone.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _scanned(request: Request) -> Any:
    # Never a star import: sslyze's own `json` would hide the standard one.
    from sslyze.plugins.scan_commands import ScanCommand
    from sslyze.scanner.models import ServerScanRequest
    from sslyze.scanner.scanner import Scanner
    from sslyze.server_setting import (
        HttpProxySettings,
        ServerNetworkConfiguration,
        ServerNetworkLocation,
    )

    proxy = HttpProxySettings(
        "127.0.0.1",
        request.proxy_port,
        basic_auth_user=request.user,
        basic_auth_password=request.token,
    )
    scan_request = ServerScanRequest(
        server_location=ServerNetworkLocation(
            request.host, request.port, http_proxy_settings=proxy
        ),
        network_configuration=ServerNetworkConfiguration(
            tls_server_name_indication=request.host,
            network_timeout=_TIMEOUT,
            network_max_retries=1,
        ),
        scan_commands={ScanCommand(name) for name in _commands(request)},
    )
    scanner = Scanner(
        per_server_concurrent_connections_limit=request.at_once, concurrent_server_scans_limit=1
    )
    scanner.queue_scans([scan_request])
    return next(iter(scanner.get_results()))


def _commands(request: Request) -> Iterator[str]:
    if request.certificates:
        yield "certificate_info"
    yield from (_COMMANDS[version] for version in request.versions)


def _answer(request: Request, result: Any) -> Answer:
    if result.scan_result is None:
        why = _why(result.connectivity_error_trace)
        return Answer(suites={}, served=(), failed={"connectivity": why})
    attempts = {name: getattr(result.scan_result, name) for name in _commands(request)}
    done = {name: each.result for name, each in attempts.items() if each.result is not None}
    return Answer(
        suites={
            version: tuple(
                each.cipher_suite.name for each in done[_COMMANDS[version]].accepted_cipher_suites
            )
            for version in request.versions
            if _COMMANDS[version] in done
        },
        served=tuple(_served(done["certificate_info"])) if "certificate_info" in done else (),
        failed={
            name: _why(each.error_trace) for name, each in attempts.items() if each.result is None
        },
    )


def _served(info: Any) -> Iterator[Served]:
    found = [(True, each) for each in info.certificate_deployments]
    if info.certificate_deployment_with_sni_disabled is not None:
        found.append((False, info.certificate_deployment_with_sni_disabled))
    for with_sni, deployment in found:
        yield Served(
            with_sni=with_sni,
            chain=tuple(deployment.received_certificate_chain_as_pem),
            verdicts=tuple(map(_verdict, deployment.path_validation_results)),
        )


def _verdict(result: Any) -> Verdict:
    said = str(result.validation_error or "no path").removeprefix("validation failed: ")
    # What follows is Python's own word for the certificate, for programmers only.
    reason = "" if result.was_validation_successful else said.partition(" (encountered")[0]
    store = result.trust_store
    return Verdict(store=store.name, date=_date(store.path) or store.version, reason=reason)


def _date(pem_file: Path) -> str:
    # sslyze shows Apple's and Java's versions instead; the day of the list is in its description.
    try:
        description = pem_file.with_suffix(".yaml").read_text("utf-8")
    except OSError:
        return ""
    return description.partition("date_fetched: ")[2].partition("\n")[0].strip()


def _why(trace: TracebackException | None) -> str:
    # Never sslyze's own "BUG_IN_SSLYZE": that is what it calls everything it did not expect.
    return list(trace.format_exception_only())[-1].strip() if trace else "no reason given"


if __name__ == "__main__":
    main()
