"""Snapshots and verifications as the commands would make them, the same every time."""

from dataclasses import replace
from typing import Any

from certcheck.model.change import Acceptance, Change, change_id
from certcheck.model.observation import Observation
from certcheck.model.run import Row, Run
from certcheck.targets import endpoint
from tests.report import runs


def change(field: str, class_: Any, at: Observation, message: str, **facts: Any) -> Change:
    """A change at this observation."""
    usual: dict[str, Any] = {
        "id": change_id(field, at.endpoint, at.address),
        "endpoint": at.endpoint,
        "address": at.address,
        "field": field,
        "before": ("a", "b"),
        "after": ("a",),
        "class_": class_,
        "message": message,
    }
    return Change(**(usual | facts))


def row(at: Observation, before: str, after: str) -> Row:
    service = endpoint(at.endpoint)
    return {
        "host": str(service.host),
        "service": f"{service.scheme.upper()} {service.port}",
        "address": at.address,
        "before": before,
        "after": after,
    }


def verified() -> Run:
    """A verification with a change of every class."""
    imap = runs.seen("imap://mail.example.org:143", runs.LEAF)
    imap6 = runs.seen("imap://mail.example.org:143", runs.LEAF, address="2001:db8::7")
    imaps = runs.seen("imaps://mail.example.org:993", runs.LEAF)
    smtp = runs.seen("smtp://mail.example.org:25", runs.RSA)
    pop = runs.unseen("pop3s://mail.example.org:995", "closed", "refused")
    lmtp = runs.unseen("lmtp://mail.example.org:24", "inconclusive", "rate_limited", "421 too many")
    why = Acceptance(reason="all were told", by="postmaster", at=runs.NOW)
    gone = "TLSv1.0 is gone: old programs can no longer connect"
    old, new = "TLS 1.0 1.2, AUTH LOGIN PLAIN, RSA 01:02:03:04…", "TLS 1.2 1.3, AUTH PLAIN"
    return runs.run(
        "verify",
        exit_code=1,
        inputs={"before": "before.json", "bundle": "mail"},
        bundle="mail/3",
        observations=(imap, imap6, imaps, smtp, pop, lmtp),
        changes=(
            change("deployments", "announced", imap, "the certificate of mail/3 is served"),
            change("deployments", "announced", imap6, "the certificate of mail/3 is served"),
            change("deployments", "announced", imaps, "the certificate of mail/3 is served"),
            change("protocols", "expected", imap, gone),
            change("protocols", "expected", imap6, gone),
            change("greeting", "expected", imap, "the text of the greeting differs"),
            change(
                "auth_after_tls",
                "expected",
                imaps,
                "AUTH CRAM-MD5 is gone: they can no longer log in",
                accepted=why,
            ),
            change("groups", "gained", imap, "X25519MLKEM768 is new"),
            change("deployments", "unannounced", smtp, "the old certificate is still served"),
            change("size", "weakened", smtp, "the largest message is 4.8 MiB now"),
            change("outcome", "lost", pop, "nothing listens there any more"),
        ),
        findings=(
            runs.finding("not_seen", "warning", lmtp, verdict="inconclusive", evidence=lmtp.detail),
            runs.finding("old_protocol", "warning", smtp, message="TLSv1.0 accepted."),
        ),
        rows=(
            row(imap, old, new),
            row(imap6, old, new),
            row(imaps, old, new),
            row(smtp, old, old),
            row(pop, old, "closed (refused)"),
        ),
        counts={"seen": 4, "inconclusive": 1, "closed": 1, "without_tls": 0},
    )


def clean() -> Run:
    """A verification of a clean move."""
    whole = verified()
    wanted = tuple(c for c in whole.changes if not c.bad)
    rows = whole.rows[:3]
    return replace(
        whole,
        exit_code=0,
        changes=wanted,
        findings=(),
        rows=rows,
        observations=whole.observations[:3],
    )


def snapshot() -> Run:
    """A snapshot of a host with one port that was not seen."""
    whole = verified()
    return replace(
        whole,
        command="snapshot",
        exit_code=3,
        changes=(),
        findings=whole.findings[:1],
        rows=(),
        inputs={},
    )
