"""sslyze's results in the words of this project; nothing of sslyze is imported here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from certcheck.model.observation import Check
from certcheck.probe.scan_words import EARLY_DATA, FALLBACK, RENEGOTIATION, SUITES, Served, Verdict

Results = Mapping[str, Any]


def suites(done: Results) -> dict[str, tuple[str, ...]]:
    """The accepted suites by version; none where the command did not finish."""
    return {
        version: tuple(each.cipher_suite.name for each in done[command].accepted_cipher_suites)
        for version, command in SUITES.items()
        if command in done
    }


def refused(done: Results) -> dict[str, tuple[str, ...]]:
    """The refused suites by version, likewise."""
    return {
        version: tuple(each.cipher_suite.name for each in done[command].rejected_cipher_suites)
        for version, command in SUITES.items()
        if command in done
    }


def worthwhile(checks: Sequence[str], done: Results) -> tuple[str, ...]:
    """`checks` without ROBOT, where it is known that no suite with RSA key exchange is taken."""
    known = suites(done)
    names = [name for version in known if version != "TLSv1.3" for name in known[version]]
    hopeless = names and not any(name.startswith("TLS_RSA_") for name in names)
    return tuple(check for check in checks if not (hopeless and check == "robot"))


def served(info: Any) -> Iterator[Served]:
    """The chains of a certificate_info, with the trust stores' verdicts."""
    found = [(True, each) for each in info.certificate_deployments]
    if info.certificate_deployment_with_sni_disabled is not None:
        found.append((False, info.certificate_deployment_with_sni_disabled))
    for with_sni, deployment in found:
        yield Served(
            with_sni=with_sni,
            chain=tuple(deployment.received_certificate_chain_as_pem),
            verdicts=tuple(map(_verdict, deployment.path_validation_results)),
        )


def checks(done: Results) -> dict[str, Check]:
    """What the finished commands say of each check that they answer."""
    return {
        name: check
        for command, of in _CHECKED.items()
        if command in done
        for name, check in of(done[command]).items()
    }


def early_data(session: str) -> int:
    """The size of early data that OpenSSL's text of a session names; raises ValueError."""
    return int(session.partition("Max Early Data: ")[2].partition("\n")[0])


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


def _good(*, good: bool, detail: str = "") -> Check:
    return Check(verdict="pass" if good else "fail", detail=detail)


_ORACLES: Mapping[str, Check] = {
    "VULNERABLE_STRONG_ORACLE": Check(verdict="fail", detail="strong oracle"),
    "VULNERABLE_WEAK_ORACLE": Check(verdict="fail", detail="weak oracle"),
    "NOT_VULNERABLE_NO_ORACLE": Check(verdict="pass"),
    "NOT_VULNERABLE_RSA_NOT_SUPPORTED": Check(verdict="not_applicable"),
}
_UNCLEAR = Check(verdict="inconclusive", detail="the answers differ from time to time")


def _renegotiation(result: Any) -> dict[str, Check]:
    times = result.client_renegotiations_success_count
    return {
        "secure_renegotiation": _good(good=result.supports_secure_renegotiation),
        "client_renegotiation": _good(
            good=not times, detail=f"accepted {times} times in a row" if times else ""
        ),
    }


def _resumption(result: Any) -> Check:
    identifiers = result.session_id_successful_resumptions_count
    tickets = result.tls_ticket_successful_resumptions_count
    tried = result.session_id_attempted_resumptions_count
    if not tried:
        return Check(verdict="not_applicable")
    return _good(
        good=identifiers + tickets > 0,
        detail=f"by session ID {identifiers} of {tried} times, by ticket {tickets} of "
        f"{result.tls_ticket_attempted_resumptions_count} times",
    )


def _tickets(size: int) -> Check:
    return _good(good=not size, detail=f"tickets promise to take {size} bytes" if size else "")


_CHECKED: Mapping[str, Callable[[Any], dict[str, Check]]] = {
    "heartbleed": lambda r: {"heartbleed": _good(good=not r.is_vulnerable_to_heartbleed)},
    "robot": lambda r: {"robot": _ORACLES.get(r.robot_result.value, _UNCLEAR)},
    "openssl_ccs_injection": lambda r: {
        "ccs_injection": _good(good=not r.is_vulnerable_to_ccs_injection)
    },
    "tls_compression": lambda r: {"compression": _good(good=not r.supports_compression)},
    RENEGOTIATION: _renegotiation,
    FALLBACK: lambda r: {"fallback_scsv": _good(good=r.supports_fallback_scsv)},
    "tls_extended_master_secret": lambda r: {
        "extended_master_secret": _good(good=r.supports_ems_extension)
    },
    "session_resumption": lambda r: {"session_resumption": _resumption(r)},
    EARLY_DATA: lambda size: {"early_data": _tickets(size)},
}
