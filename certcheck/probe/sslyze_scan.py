"""The child process that runs sslyze, on one server at a time: requests in, answers out.

It is a process of its own because a hostile server makes sslyze hang, spin or grow.
"""

import ctypes
import json
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

from certcheck.probe import sslyze_words
from certcheck.probe.agenda import agenda
from certcheck.probe.entrance import connecting, let_in
from certcheck.probe.scan_words import (
    CERTIFICATES,
    CHECKS,
    CONNECTIVITY,
    EARLY_DATA,
    RENEGOTIATION,
    SUITES,
    Answer,
    Request,
)

_MEMORY = 256 * 1024 * 1024
_CPU_SECONDS = 20
_STACK = 512 * 1024
_TIMEOUT = 60  # the bridge owns all other deadlines: sslyze reads its own as "rejected"
_PR_SET_PDEATHSIG = 1
_RESUMPTIONS = 2
_RENEGOTIATIONS = 3
# These checks go on in their own way after the hello.
_OWN_HANDSHAKES = frozenset({"heartbleed", "openssl_ccs_injection", "robot"})


def main() -> None:
    """Read requests, one a line; scan, and write each answer as a line."""
    _confine()
    import sslyze  # noqa: F401 - takes its time, and nobody waits yet

    for line in iter(sys.stdin.readline, ""):
        _allow_cpu()
        fields = json.loads(line)
        request = Request(**{**fields, "commands": tuple(fields["commands"])})
        sys.stdout.write(f"{json.dumps(asdict(scan(request)))}\n")
        sys.stdout.flush()


def scan(request: Request) -> Answer:
    """What sslyze says of the server behind the proxy."""
    with warnings.catch_warnings(), ThreadPoolExecutor(request.at_once) as pool:
        warnings.simplefilter("ignore")  # cryptography's, on odd certificates of its trust stores
        return _answer(request, pool)


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    threading.stack_size(_STACK)
    # Without a parent there is no bridge, and sslyze spins on a proxy that is gone.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _allow_cpu() -> None:
    # From here on, for one scan.
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + _CPU_SECONDS, most))


class _Server:
    """The server as sslyze's commands take it, each with a proxy user of its own."""

    def __init__(self, request: Request) -> None:
        from sslyze.server_connectivity import TlsVersionEnum
        from sslyze.server_setting import ServerNetworkConfiguration

        self._request = request
        self._network = ServerNetworkConfiguration(
            tls_server_name_indication=request.host,
            network_timeout=_TIMEOUT,
            network_max_retries=1,
        )
        self._versions = TlsVersionEnum
        self._probed: Any = None

    def probe(self) -> None:
        """Whether TLS comes up at all, and how; raises what sslyze raises."""
        from sslyze import server_connectivity

        # One connection more, for a command that is not asked.
        server_connectivity._detect_ecdh_support = lambda **_: False  # noqa: SLF001 - no other way
        self._probed = server_connectivity.check_connectivity_to_server(
            self._location(CONNECTIVITY), self._network
        )

    def info(self, command: str) -> Any:
        """What the implementation of `command` wants to know of the server."""
        from sslyze.server_connectivity import ServerConnectivityInfo

        probed = self._probed
        newest = self._request.newest
        if newest and probed and command in CHECKS and command != EARLY_DATA:
            # sslyze skips or assumes much where TLS 1.3 is accepted. Older versions are asked here.
            name = SUITES[newest].removesuffix("_cipher_suites").upper()
            below = probed.highest_tls_version_supported.name != name
            probed = replace(
                probed,
                highest_tls_version_supported=self._versions[name],
                cipher_suite_supported="DEFAULT" if below else probed.cipher_suite_supported,
            )
        info = ServerConnectivityInfo(self._location(command), self._network, probed)
        if command in _OWN_HANDSHAKES:
            return connecting(info, let_in)
        if command == RENEGOTIATION and self._request.greets:
            return connecting(info, _greeted)
        return info

    def early_data(self) -> int:
        """How many bytes of early data a session ticket promises to take (RFC 8446 4.6.1).

        sslyze's own command sends an HTTP request, which mail servers log as an attack.
        """
        version = self._versions.TLS_1_3
        connection = self.info(EARLY_DATA).get_preconfigured_tls_connection(version)
        try:
            connection.connect()
            connection.ssl_client.write(self._request.farewell.encode("ascii"))
            connection.ssl_client.read(2048)  # a ticket comes before the first word
            return sslyze_words.early_data(connection.ssl_client.get_session().as_text())
        finally:
            connection.close()

    def _location(self, user: str) -> Any:
        from sslyze.server_setting import HttpProxySettings, ServerNetworkLocation

        proxy = HttpProxySettings(
            "127.0.0.1",
            self._request.proxy_port,
            basic_auth_user=user,
            basic_auth_password=self._request.token,
        )
        return ServerNetworkLocation(
            self._request.host, self._request.port, http_proxy_settings=proxy
        )


def _greeted(connection: Any, connect: Callable[[], None]) -> None:
    # sslyze takes a greeting in mid-renegotiation for the refusal to renegotiate.
    connect()
    _hear(connection.ssl_client)


def _hear(client: Any) -> None:
    from sslyze.plugins import heartbleed_plugin

    try:
        # nassl's own read waits for the network, though the greeting may be here already.
        client._ssl.read(4096)  # noqa: SLF001
    except heartbleed_plugin.WantReadError:  # type: ignore[attr-defined]  # nassl's own
        client.read(4096)


def _answer(request: Request, pool: ThreadPoolExecutor) -> Answer:
    server = _Server(request)
    if error := pool.submit(server.probe).exception():
        return Answer(failed={CONNECTIVITY: _why(error)})
    ends = _run(pool, server, [c for c in request.commands if c not in CHECKS])
    checks = [command for command in request.commands if command in CHECKS]
    ends |= _run(pool, server, sslyze_words.worthwhile(checks, _results(ends)))
    done = _results(ends)
    return Answer(
        suites=sslyze_words.suites(done),
        refused=sslyze_words.refused(done),
        served=tuple(sslyze_words.served(done[CERTIFICATES])) if CERTIFICATES in done else (),
        checks=sslyze_words.checks(done),
        failed={name: _why(e) for name, end in ends.items() if (e := end.exception())},
    )


def _results(ends: dict[str, Future[Any]]) -> dict[str, Any]:
    return {name: end.result() for name, end in ends.items() if not end.exception()}


def _run(
    pool: ThreadPoolExecutor, server: _Server, commands: Sequence[str]
) -> dict[str, Future[Any]]:
    # Not by sslyze's Scanner, as that has one location for all commands, and sleeps in between.
    from sslyze.plugins.plugin_base import ScanJobResult
    from sslyze.plugins.scan_commands import ScanCommand, ScanCommandsRepository

    own = {EARLY_DATA: pool.submit(server.early_data)} if EARLY_DATA in commands else {}
    kinds = {
        command: ScanCommandsRepository.get_implementation_cls(ScanCommand(command))
        for command in commands
        if command not in own
    }
    jobs = {
        command: kind.scan_jobs_for_scan_command(server.info(command), _extra(command))
        for command, kind in kinds.items()
    }
    begun = _begun(pool, jobs)

    def result(command: str) -> Any:
        results = [
            ScanJobResult(
                _return_value=None if job.exception() else job.result(),
                _exception=job.exception(),  # type: ignore[arg-type]  # may be a MemoryError, too
            )
            for job in begun[command]
        ]
        return kinds[command].result_for_completed_scan_jobs(server.info(command), results)

    # Waits here for the jobs, so that the threads of the pool never wait for each other.
    for each in (job for of_one in begun.values() for job in of_one):
        each.exception()
    return {**own, **{command: pool.submit(result, command) for command in kinds}}


def _begun(
    pool: ThreadPoolExecutor, jobs: Mapping[str, Sequence[Any]]
) -> dict[str, list[Future[Any]]]:
    suites = {(c, _suite(job)): job for c in jobs if c in SUITES.values() for job in jobs[c]}
    others = [(c, job) for c in jobs if c not in SUITES.values() for job in jobs[c]]
    ends: dict[str, list[Future[Any]]] = {command: [] for command in jobs}
    for command, job in (*others, *((each[0], suites[each]) for each in agenda(suites))):
        ends[command].append(pool.submit(job.function_to_call, *job.function_arguments))
    return ends


def _suite(job: Any) -> str:
    return str(job.function_arguments[-1].name)


def _extra(command: str) -> Any:
    from sslyze.plugins.session_renegotiation_plugin import SessionRenegotiationExtraArgument
    from sslyze.plugins.session_resumption.implementation import (
        SessionResumptionSupportExtraArgument,
    )

    if command == RENEGOTIATION:
        return SessionRenegotiationExtraArgument(client_renegotiation_attempts=_RENEGOTIATIONS)
    if command == "session_resumption":
        return SessionResumptionSupportExtraArgument(number_of_resumptions_to_attempt=_RESUMPTIONS)
    return None


def _why(error: BaseException) -> str:
    # Never sslyze's own "bug in sslyze": that is what it calls everything it did not expect.
    if "bug" in type(error).__name__.lower():
        return "its TLS library cannot offer what was to be asked for"
    said = getattr(error, "error_message", "")  # sslyze's errors have one, and no other text
    return said or str(error).strip().rpartition("\n")[2] or type(error).__name__


if __name__ == "__main__":
    main()
