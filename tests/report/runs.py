"""Runs as a command would make them, the same every time."""

import datetime as dt
import hashlib
from dataclasses import replace
from typing import Any

from certcheck.model.action import Action
from certcheck.model.certificate import Certificate
from certcheck.model.finding import Finding
from certcheck.model.observation import Capabilities, Check, Deployment, Observation, Trust
from certcheck.model.run import Failure, Row, Run

NOW = dt.datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=dt.UTC)


def certificate(title: str, **changes: Any) -> Certificate:
    """A certificate with fingerprints that follow from its title."""
    seed = title.encode("utf-8", "backslashreplace")
    made = Certificate(
        sha256=hashlib.sha256(seed).hexdigest(),
        sha1=hashlib.sha1(seed, usedforsecurity=False).hexdigest(),
        spki_sha256=hashlib.sha256(seed + b"key").hexdigest(),
        subject=f"CN={title}",
        issuer="CN=Example Intermediate,O=Example",
        names=(title,),
        key="ECDSA P-256",
        signature="ecdsa-with-SHA256",
        serial="5",
        not_before=NOW - dt.timedelta(days=10),
        not_after=NOW + dt.timedelta(days=80),
        is_ca=False,
        self_signed=False,
        der=b"\x30\xff",
    )
    return replace(made, **changes)


LEAF = certificate("mail.example.org", names=("mail.example.org", "smtp.example.org"))
RSA = certificate("rsa.example.org", names=("mail.example.org",), key="RSA 2048")
OLD = certificate(
    "old.example.org", not_after=NOW - dt.timedelta(days=3), issuer="CN=old.example.org"
)
SOUND = dict.fromkeys(
    ("heartbleed", "robot", "ccs_injection", "secure_renegotiation", "client_renegotiation"),
    Check(verdict="pass"),
)
INTERMEDIATE = certificate("Example Intermediate", names=(), is_ca=True, issuer="CN=Example Root")


def seen(url: str, *served: Certificate, address: str = "192.0.2.7", **facts: Any) -> Observation:
    """An observation of a server that serves these certificates with SNI."""
    deployments = tuple(
        Deployment(
            key_type=each.key_type,
            server_name="mail.example.org",
            chain=(each, INTERMEDIATE),
            trust=(Trust(store="mozilla", date="2026-03-28", verdict="pass"),),
        )
        for each in served
    )
    usual: dict[str, Any] = {
        "id": f"o{url}{address}",
        "endpoint": url,
        "tls_mode": "implicit" if "s:" in url else "starttls",
        "address": address,
        "server_name": "mail.example.org",
        "at": NOW,
        "outcome": "seen",
        "capabilities": Capabilities(greeting="* OK ready", before_tls=("IMAP4rev1", "STARTTLS")),
        "protocols": ("TLSv1.2", "TLSv1.3"),
        "cipher_suites": {
            "TLSv1.3": ("TLS_AES_256_GCM_SHA384",),
            "TLSv1.2": ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",),
        },
        "deployments": deployments,
        "engines": ("handshake", "sslyze"),
        "connections": 12,
    }
    return Observation(**(usual | facts))


def unseen(url: str, outcome: Any, reason: Any, detail: str = "", **facts: Any) -> Observation:
    """An observation that did not get as far as a certificate."""
    nothing = {"protocols": (), "cipher_suites": {}, "outcome": outcome, "reason": reason}
    return seen(url, detail=detail, **(nothing | facts))


def finding(rule: str, severity: Any, observation: Observation, **facts: Any) -> Finding:
    """A finding at this observation."""
    usual: dict[str, Any] = {
        "id": f"{rule}-{observation.endpoint}",
        "rule": rule,
        "severity": severity,
        "verdict": "fail",
        "observation": observation.id,
        "endpoint": observation.endpoint,
        "address": observation.address,
        "message": f"What {rule} found here: programs notice. Do something about it.",
        "source": "https://www.rfc-editor.org/rfc/rfc8996",
    }
    return Finding(**(usual | facts))


def run(command: str, **parts: Any) -> Run:
    """A run of this command."""
    return Run(
        id="r1",
        command=command,
        version="0.1.0",
        started=NOW - dt.timedelta(seconds=9),
        finished=NOW,
        **parts,
    )


def audit() -> Run:
    """An audit of a host with something of everything."""
    imap = seen("imap://mail.example.org:143", LEAF, checks=SOUND)
    imaps = seen("imaps://mail.example.org:993", LEAF, checks=SOUND)
    smtp = seen(
        "smtp://mail.example.org:25",
        RSA,
        OLD,
        protocols=("TLSv1.0", "TLSv1.2"),
        address="2001:db8::7",
    )
    sieve = unseen("sieve://mail.example.org:4190", "closed", "refused")
    pop = unseen(
        "pop3://mail.example.org:110", "inconclusive", "rate_limited", "-ERR too many connections"
    )
    broken = unseen(
        "submission://mail.example.org:587",
        "tls_failed",
        "tls_unavailable_454",
        "454 4.7.0 TLS not available due to local problem",
    )
    protocols = {
        "dovecot": "ssl_min_protocol = TLSv1.2",
        "postfix": "smtpd_tls_protocols = >=TLSv1.2",
    }
    old = {"remedy": protocols, "message": "TLSv1.0 accepted: no longer allowed (RFC 8996)."}
    return run(
        "audit",
        exit_code=1,
        inputs={"targets": ("mail.example.org",), "depth": "standard"},
        observations=(imap, imaps, smtp, sieve, pop, broken),
        findings=(
            finding("old_protocol", "warning", smtp, **old),
            finding("tls13_missing", "note", imap, message="TLS 1.3 is not accepted."),
            finding("tls13_missing", "note", imaps, message="TLS 1.3 is not accepted."),
            finding("not_seen", "warning", pop, verdict="inconclusive", evidence=pop.detail),
            finding("expired", "error", smtp, evidence="old.example.org"),
            finding(
                "tls_failed", "error", broken, evidence=broken.detail, remedy={"postfix": "a\nb"}
            ),
        ),
        counts={"seen": 3, "inconclusive": 1},
        connections=60,
    )


def domain() -> Run:
    """An audit of two mail domains, with one that nothing is known of."""
    smtp = seen("smtp://mx.example.net:25", LEAF)
    imap = seen("imap://imap.example.org:143", LEAF)
    imaps = seen("imaps://imap.example.org:993", LEAF)
    ways = tuple(f"MX 10 of d{number}.example" for number in range(9))

    def name(text: str, *services: str, found_by: tuple[str, ...] = (), note: str = "") -> Row:
        return {"name": text, "services": services, "found_by": found_by, "note": note}

    return run(
        "audit",
        exit_code=3,
        error=Failure(message="DNS does not tell: b.example MX: SERVFAIL", hint="repair DNS"),
        observations=(smtp, imap, imaps),
        rows=(
            name("mx.example.net", smtp.endpoint, found_by=ways),
            name(
                "imap.example.org",
                imap.endpoint,
                imaps.endpoint,
                found_by=("SRV _imaps._tcp of example.org", "usual name"),
            ),
            name("pop.example.org", found_by=("usual name",), note="none is open"),
            name("example.org", note="SRV _pop3._tcp: not offered, by its own word (RFC 6186 3.4)"),
            name("b.example", note="DNS does not tell: b.example MX: SERVFAIL"),
        ),
    )


def fingerprints() -> Run:
    """Fingerprints of a host with RSA and ECDSA, a mix, and a closed port."""
    both = seen("imap://mail.example.org:143", LEAF, RSA)
    bare = replace(both.deployments[0], server_name=None, chain=(OLD,))
    mixed = seen("smtp://mail.example.org:25", LEAF, address="2001:db8::7")
    part = replace(mixed.deployments[0], seen=6, of=10)
    return run(
        "fingerprints",
        exit_code=3,
        observations=(
            replace(both, deployments=(*both.deployments, bare)),
            replace(mixed, deployments=(part, replace(part, chain=(OLD,), seen=4))),
            unseen("imaps://mail.example.org:993", "closed", "refused"),
            unseen("pop3://nowhere.example:110", "inconclusive", "unresolved", address=None),
        ),
    )


def install() -> Run:
    """An installation that was undone."""
    return run(
        "install",
        exit_code=4,
        bundle="mail/3",
        error=Failure(message="dovecot serves the old certificate", hint="look at journal 7"),
        actions=(
            Action(
                step=1,
                server="dovecot",
                kind="replace_file",
                target="/etc/ssl/a.pem",
                state="undone",
            ),
            Action(
                step=10,
                server="postfix",
                kind="reload",
                target="postfix reload",
                state="failed",
                at=NOW,
            ),
        ),
        rows=(
            {"port": "IMAP mail.example.org:143", "old": "AB:CD", "served": 10, "new": True},
            {"port": "SMTP", "names": ("a", "b"), "old": None},
        ),
    )


def watch() -> Run:
    """A watch beyond midnight of three ports and a name without address."""

    def port(url: str, address: str, failures: tuple[str, ...], **facts: Any) -> Row:
        spell = f"{LEAF.sha256} 2026-11-25T21:59:50Z 2026-11-26T01:00:00Z"
        usual: dict[str, Any] = {
            "endpoint": url,
            "address": address,
            "handshakes": 10800,
            "failed": sum(int(each.split()[1]) for each in failures),
            "first_failure": "2026-11-25T23:59:58Z" if failures else None,
            "last_failure": "2026-11-26T00:00:01Z" if failures else None,
            "longest_gap_seconds": 0.0,
            "failures": failures,
            "certificates": (spell,),
            "certificates_left_out": 0,
            "still_away": False,
            "note": "",
        }
        return usual | facts

    both = (
        f"{OLD.sha256} 2026-11-25T21:59:50Z 2026-11-25T23:59:57Z",
        f"{LEAF.sha256} 2026-11-26T00:00:02Z 2026-11-26T01:00:00Z",
    )
    gap = {"longest_gap_seconds": 4.9, "certificates": both}
    rows: tuple[Row, ...] = (
        port("imap://mail.example.org:143", "192.0.2.7", ("refused 4",), **gap),
        port("smtp://mail.example.org:25", "192.0.2.7", ()),
        port(
            "submission://mail.example.org:587",
            "2001:db8::7",
            ("rate_limited 7", "handshake_timeout 2"),
            longest_gap_seconds=123.4,
            still_away=True,
            certificates_left_out=3,
        ),
        {"endpoint": "imap://gone.example:143", "address": None, "note": "NXDOMAIN"},
    )
    counts = {"ports": 3, "handshakes": 32400, "failed": 13}
    counts |= {"watched_seconds": 10800, "unwatched_seconds": 70, "clock_jumps": 1}
    night = run("watch", exit_code=3, rows=rows, counts=counts, connections=32400)
    return replace(
        night,
        started=dt.datetime(2026, 11, 25, 21, 59, 50, tzinfo=dt.UTC),
        finished=dt.datetime(2026, 11, 26, 1, 1, 0, tzinfo=dt.UTC),
    )
