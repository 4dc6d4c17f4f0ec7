"""A run of `audit --clients` with programs that fare well and badly, the same every time."""

from dataclasses import replace

from certcheck.model.certificate import Certificate, colons
from certcheck.model.prediction import Fingerprint, Prediction, Result
from certcheck.model.run import Row, Run
from tests.report import runs

IMAP, SMTP = "imap://mail.example.org:143", "submission://mail.example.org:587"


def prediction(name: str, platform: str, result: Result, url: str, **more: object) -> Prediction:
    facts: dict[str, object] = {
        "client": f"{name}-{platform}".lower().replace(" ", "-"),
        "name": name,
        "platform": platform,
        "group": "outlook",
        "endpoint": url,
        "address": "192.0.2.7",
        "server_name": "mail.example.org",
        "result": result,
        "reason": {"locked_out": "it knows TLS 1.0 at most", "unknown": "not known"}.get(
            result, ""
        ),
        **more,
    }
    return Prediction(**facts)  # type: ignore[arg-type]


def shows(leaf: Certificate) -> tuple[Fingerprint, ...]:
    return (
        Fingerprint(certificate=leaf.sha256, hash="SHA-1", text=leaf.sha1),
        Fingerprint(certificate=leaf.sha256, hash="SHA-256", text=colons(leaf.sha256)),
    )


def audit() -> Run:
    asked = {"reason": "it does not trust CN=Example Root", "fingerprints": shows(runs.LEAF)}
    thunderbird = {"group": "thunderbird", "scope": "host_port", **asked}
    predictions = (
        *(prediction("Outlook 2010", "Windows 7", "locked_out", url) for url in (IMAP, SMTP)),
        *(prediction("Outlook 2013", "Windows 7", "locked_out", url) for url in (IMAP, SMTP)),
        prediction("Outlook 2016", "Windows 10", "connects", IMAP),
        prediction("Outlook 2016", "Windows 10", "locked_out", SMTP),
        *(prediction("Outlook 2016", "Windows 11", "connects", url) for url in (IMAP, SMTP)),
        *(prediction("Outlook (new)", "Windows 11", "unknown", url) for url in (IMAP, SMTP)),
        *(prediction("Thunderbird 140", "Linux", "asks", u, **thunderbird) for u in (IMAP, SMTP)),
        prediction("fetchmail 6.4", "Debian 12", "connects", IMAP, group="linux"),
    )
    advice: Row = {
        "advice": "Take TLS 1.0 and 1.1",
        "helps": ("outlook-2010-windows-7", "outlook-2013-windows-7"),
        "at": (IMAP,),
        "dovecot": "ssl_min_protocol = TLSv1\nssl_cipher_list = ALL",
        "postfix": "smtpd_tls_protocols = >=TLSv1",
        "cost": "no longer allowed",
    }
    observations = (runs.seen(IMAP, runs.LEAF), runs.seen(SMTP, runs.LEAF))
    return replace(
        runs.audit(),
        observations=observations,
        findings=(),
        predictions=predictions,
        rows=(advice,),
    )
