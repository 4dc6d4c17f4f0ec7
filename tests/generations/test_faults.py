"""Seeded faults: a new host with one of them each, held against the snapshot of the old one."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from certcheck.lab import pki
from certcheck.lab.generations import Change, File, Generations, Host, Mail
from certcheck.lab.generations.mail import unchanged
from certcheck.lab.plan import BUNDLE
from tests.conftest import Ended
from tests.generations.moving import Control, schemes, told

IMAPS, ALL = ("imaps",), ("imap", "imaps", "pop3", "pop3s", "sieve")
MD5 = "md5@example.test pw-md5"
GOOD = ("announced", "expected", "gained")
SMTP = ("smtp", "submission", "submissions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The lab with a snapshot of its old host, and what the new host is to serve."""

    control: Control
    snapshot: Path
    with_md5: Path
    bundle: pki.Identity
    old_rsa: pki.Identity


@pytest.fixture(scope="module")
def before(lab: Generations, tmp_path_factory: pytest.TempPathFactory) -> Before:
    """Taken once: the old host does not change."""
    control = Control(lab=lab, folder=tmp_path_factory.mktemp("control"))
    assert control.run("issue").code == 0
    stored = lab.path / "state/bundles/mail/1"
    return Before(
        control=control,
        snapshot=_snapshot(control, "before.json", control.accounts()),
        with_md5=_snapshot(control, "md5.json", control.accounts(MD5)),
        bundle=_identity(stored / "key-ecdsa.pem", stored / "chain-ecdsa.pem"),
        old_rsa=_identity(
            lab.old.path("/etc/tls/privkey.pem"), lab.old.path("/etc/tls/fullchain.pem")
        ),
    )


def _snapshot(control: Control, name: str, accounts: Path) -> Path:
    path = control.folder / name
    options = (*control.at(control.lab.old), *control.trusting())
    done = control.run("snapshot", "-o", path, "--mailboxes", accounts, *options)
    assert done.code == 0, done.stdout
    return path


def _identity(key: Path, chain: Path) -> pki.Identity:
    first, end, rest = chain.read_bytes().partition(b"-----END CERTIFICATE-----\n")
    return pki.Identity(key=key.read_bytes(), certificate=first + end, intermediates=rest)


def _text(part: str, old: str, new: str) -> Callable[[Before], Change]:
    return lambda _: lambda mail: mail.changed(part, old, new)  # type: ignore[arg-type]


def _appended(part: str, text: str) -> Callable[[Before], Change]:
    return lambda _: lambda mail: replace(mail, **{part: getattr(mail, part) + text})


def _old_rsa_slot(before: Before) -> Change:
    def change(mail: Mail) -> Mail:
        more = (
            "\nssl_server_alt_cert_file = /etc/tls/rsa.pem\n"
            "ssl_server_alt_key_file = /etc/tls/rsa.key\n"
        )
        with_slot = replace(mail, dovecot=mail.dovecot + more)
        chain = File(path="/etc/tls/rsa.pem", content=before.old_rsa.chain)
        key = File(path="/etc/tls/rsa.key", content=before.old_rsa.key, mode=0o600)
        return with_slot.with_file(chain).with_file(key)

    return change


def _old_on_ipv6(before: Before) -> Change:
    def change(mail: Mail) -> Mail:
        more = (
            "\nlocal fd00:77::/64 {\n"
            "  ssl_server_cert_file = /etc/tls/rsa.pem\n"
            "  ssl_server_key_file = /etc/tls/rsa.key\n}\n"
        )
        with_slot = replace(mail, dovecot=mail.dovecot + more)
        chain = File(path="/etc/tls/rsa.pem", content=before.old_rsa.chain)
        key = File(path="/etc/tls/rsa.key", content=before.old_rsa.key, mode=0o600)
        return with_slot.with_file(chain).with_file(key)

    return change


def _old_without_sni(before: Before) -> Change:
    def change(mail: Mail) -> Mail:
        # Who sends the name gets the new one, by the table of names; the default is the old one.
        rows = "".join(f"{name} /etc/tls/bundle.pem\n" for name in BUNDLE)
        default = replace(mail, postfix_identity=before.old_rsa, sni=mail.sni + rows)
        pair = File(path="/etc/tls/bundle.pem", content=before.bundle.key_first, mode=0o600)
        return default.with_file(pair)

    return change


def _without_intermediate(before: Before) -> Change:
    return lambda mail: replace(mail, dovecot_identity=before.bundle.without_intermediates())


FAULTS = {
    "POP3S is missing": (
        _text("dovecot", "port = 995", "port = 0"),
        ("outcome", "lost", ("pop3s",)),
        "POP3 with SSL/TLS on port 995 can no longer connect",
    ),
    "465 is not enabled": (
        _text(
            "master",
            "465        inet n - n - - smtpd\n  -o syslog_name=postfix/submissions\n"
            "  -o smtpd_tls_wrappermode=yes\n  -o smtpd_sasl_auth_enable=yes\n",
            "",
        ),
        ("outcome", "lost", ("submissions",)),
        "send mail with SSL/TLS on port 465",
    ),
    "587 has AUTH before TLS": (
        lambda _: (
            lambda mail: mail.changed(
                "main", "smtpd_tls_auth_only = yes", "smtpd_tls_auth_only = no"
            ).changed("master", "  -o smtpd_tls_security_level=encrypt\n", "")
        ),
        ("auth_before_tls", "weakened", ("submission",)),
        "send passwords in the clear",
    ),
    "ManageSieve is missing": (
        _text("dovecot", "lmtp sieve", "lmtp"),
        ("outcome", "lost", ("sieve",)),
        "filter rules",
    ),
    "LOGIN is gone": (
        _text("dovecot", "plain login", "plain"),
        ("auth_after_tls", "lost", (*ALL, "submission", "submissions")),
        "Outlook",
    ),
    "the size limit is smaller": (
        _appended("main", "message_size_limit = 5000000\nvirtual_mailbox_limit = 0\n"),
        ("size", "weakened", SMTP),
        "larger mail",
    ),
    "the intermediate is missing": (
        _without_intermediate,
        ("deployments", "weakened", ALL),
        "intermediate certificate",
    ),
    "the RSA slot is still old": (
        _old_rsa_slot,
        ("deployments", "unannounced", ALL),
        "(RSA) the old certificate",
    ),
    "the old certificate on IPv6 only": (
        _old_on_ipv6,
        ("deployments", "unannounced", ALL),
        "the old certificate",
    ),
    "the old certificate without SNI": (
        _old_without_sni,
        ("deployments", "unannounced", SMTP),
        "without SNI (RSA) the old certificate",
    ),
    "old TLS is still offered": (
        _appended("dovecot", "\nssl_min_protocol = TLSv1\nssl_cipher_list = ALL:@SECLEVEL=0\n"),
        ("protocols", "weakened", ALL),
        "TLSv1.0, TLSv1.1 is still offered",
    ),
    "the mail path is wrong": (
        _text("dovecot", "mail_path = ~/Maildir", "mail_path = ~/mail"),
        ("mailbox.folders", "lost", IMAPS),
        "is its path right",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_named_and_ends_with_1(name: str, before: Before) -> None:
    fault, (field, class_, places), says = FAULTS[name]

    with _host(before, fault(before)) as verified:
        changes = told(verified)

    found = changes.get((field, class_), [])
    assert verified.code == 1
    assert schemes(found) == set(places), changes.keys()
    assert all(says in each["message"] for each in found)
    bad = {key for key in changes if key[1] in {"lost", "weakened", "unannounced"}}
    assert bad <= {(field, class_), *_AMONG_OTHERS.get(name, ())}
    if name == "the old certificate on IPv6 only":
        assert {":" in each["address"] for each in found} == {True}


# What the same fault does elsewhere.
_AMONG_OTHERS: dict[str, tuple[tuple[str, str], ...]] = {
    "old TLS is still offered": (("cipher_suites", "weakened"),),
    "the mail path is wrong": (
        ("mailbox.uidls", "lost"),
        ("mailbox.pop3_messages", "lost"),
        ("mailbox.messages", "lost"),
    ),
}


@contextmanager
def _host(
    before: Before, change: Change, *more: str, words: tuple[str, ...] = ()
) -> Iterator[Ended]:
    """A verification of a new host that serves the bundle, but for this change.

    `more` are lines of the accounts file.
    """
    control = before.control
    lab = control.lab

    def sound(mail: Mail) -> Mail:
        return replace(mail, dovecot_identity=before.bundle, postfix_identity=before.bundle)

    with lab.new_host(lambda mail: change(sound(mail))) as host:
        _copy(lab, host)
        yield control.run(
            *("verify", "--bundle", "mail", "--json", *words, *control.at(host)),
            *("--before", before.snapshot, "--mailboxes", control.accounts(*more)),
            *control.trusting(),
        )


def _copy(lab: Generations, host: Host) -> None:
    source, target = (each.path("/var/vmail") for each in (lab.old, host))
    subprocess.run(
        ["cp", "-a", f"{source}/.", str(target)], check=True, timeout=30, stdin=subprocess.DEVNULL
    )


def test_a_sound_new_host_ends_with_0(before: Before) -> None:
    with _host(before, unchanged) as verified:
        bad = [c for c in verified.document["changes"] if c["class"] not in GOOD]

    assert bad == []
    assert verified.code == 0


def test_a_password_hash_that_the_new_software_refuses_is_named(before: Before) -> None:
    with _host(replace(before, snapshot=before.with_md5), unchanged, MD5) as verified:
        found = told(verified)["mailbox.login", "lost"]

    assert verified.code == 1
    assert {each["message"].partition(":")[0] for each in found} == {"md5@example.test"}
    assert any("[UNAVAILABLE]" in each["message"] for each in found)
    assert all("a stored hash that the new software does not take" in e["message"] for e in found)


def test_mail_that_is_taken_and_never_delivered_is_named(before: Before) -> None:
    def nowhere(mail: Mail) -> Mail:
        return mail.changed("main", "private/dovecot-lmtp", "private/lmtp-dovecot")

    accounts = str(before.control.accounts())
    with _host(before, nowhere, words=("--mail", accounts)) as verified:
        found = told(verified)["mailbox.delivery", "lost"]

    assert verified.code == 1
    assert any("a message that was accepted does not arrive" in e["message"] for e in found)


def test_an_old_host_that_still_answers_is_named(before: Before) -> None:
    lab = before.control.lab

    with _host(before, unchanged, words=("--retired", lab.old.address.ipv4)) as verified:
        messages = [each["message"] for each in told(verified)["outcome", "weakened"]]

    assert verified.code == 1
    assert len(messages) == 8
    assert any("still takes mail" in text for text in messages)
    assert any("still takes logins" in text for text in messages)


@pytest.mark.parametrize(
    ("spoil", "field", "says"),
    [
        (lambda home: shutil.rmtree(home / "Maildir/.Archive.2025"), "mailbox.folder", "is gone"),
        (
            lambda home: next(iter(sorted((home / "Maildir/cur").iterdir()))).unlink(),
            "mailbox.messages",
            "1 message is missing",
        ),
        (
            lambda home: [path.unlink() for path in (home / "Maildir").rglob("dovecot*")],
            "mailbox.uidvalidity",
            "downloads everything again",
        ),
        (
            lambda home: (home / "Maildir/subscriptions").unlink(),
            "mailbox.subscribed",
            "no longer subscribed",
        ),
        (
            lambda home: (home / ".dovecot.sieve").unlink(),
            "mailbox.active_script",
            "no longer active",
        ),
    ],
    ids=["folder", "message", "uidvalidity", "subscriptions", "sieve"],
)
def test_what_a_copy_loses_is_named(
    spoil: Callable[[Path], object], field: str, says: str, before: Before
) -> None:
    control = before.control

    def sound(mail: Mail) -> Mail:
        return replace(mail, dovecot_identity=before.bundle, postfix_identity=before.bundle)

    with control.lab.new_host(sound) as host:
        _copy(control.lab, host)
        spoil(host.path("/var/vmail/bob@example.test"))
        verified = control.run(
            *("verify", "imaps://mail.example.test", "pop3s://mail.example.test"),
            *("sieve://mail.example.test", "--before", before.snapshot, "--bundle", "mail"),
            *("--json", "--mailboxes", control.accounts()),
            *(*control.at(host), *control.trusting()),
        )

    found = told(verified)[field, "lost"]
    assert verified.code == 1
    assert all(each["message"].startswith("bob@example.test") for each in found)
    assert any(says in each["message"] for each in found)
