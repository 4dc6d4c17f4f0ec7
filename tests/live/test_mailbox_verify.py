"""Mailboxes before and after, by the command: what is lost is named, and no password is told."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck, Ended
from tests.live.mailboxes import fill, opened, put_script

USERS = ("alice", "bob", "carol")
SERVICES = ("imaps", "pop3s", "sieve")


@pytest.fixture(scope="module")
def filled(shared: Lab, certcheck_once: Certcheck) -> Lab:
    """The lab with a trusted certificate everywhere, and mail in its mailboxes."""
    assert certcheck_once("issue", "-c", shared.config).code == 0
    assert certcheck_once("install", "-c", shared.config, "--yes").code == 0
    for user in USERS:
        with opened(shared, user) as session:
            for folder, messages in (("INBOX", 5), ("Archive", 3), ("Archive.2025", 2)):
                if folder != "INBOX":
                    session.create(folder)
                    session.subscribe(folder)
                fill(session, folder, messages)
            session.select("INBOX")
            session.store("1:2", "+FLAGS", "\\Seen")
    put_script(shared, "alice", "main", active=True)
    return shared


@pytest.fixture
def accounts(filled: Lab, tmp_path: Path) -> Path:
    """The accounts file of the lab's users."""
    path = tmp_path / "accounts"
    lines = [f"{user.login} {user.password}\n" for user in filled.users]
    path.write_text("# the lab\n" + "".join(lines))
    path.chmod(0o600)
    return path


@pytest.fixture
def looking(filled: Lab, accounts: Path, certcheck: Certcheck) -> Callable[..., Ended]:
    """Runs a command on the services that hold mail."""
    targets = [u for u in filled.host.endpoints if u.split(":")[0] in SERVICES]

    def run(command: str, *more: str | Path) -> Ended:
        trust = ("--ca-file", filled.acme_root)
        options = ("-c", filled.config, *trust, "--mailboxes", accounts)
        return certcheck(command, *targets, *options, *more)

    return run


@pytest.fixture
def before(looking: Callable[..., Ended], tmp_path: Path) -> Path:
    """A snapshot with the mailboxes."""
    path = tmp_path / "before.json"
    done = looking("snapshot", "-o", path)
    assert done.code == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("3 mailboxes.")
    return path


@pytest.fixture
def home(filled: Lab) -> Iterator[Path]:
    """The files of bob's mailbox; they are put back after the test."""
    place = filled.runtime / "mail" / "bob@example.test"
    kept = place.with_name("kept")
    shutil.copytree(place, kept, symlinks=True, copy_function=shutil.copy2)
    yield place
    shutil.rmtree(place)
    kept.rename(place)
    subprocess.run(["chown", "-Rh", "nobody:nogroup", place], check=True, timeout=10)


def _told(done: Ended) -> dict[str, str]:
    return {c["field"]: c["message"] for c in done.document["changes"]}


def test_an_unchanged_mailbox_is_equal_twice_and_no_password_is_written(
    looking: Callable[..., Ended], before: Path, tmp_path: Path, filled: Lab
) -> None:
    again = tmp_path / "again.json"

    kept = looking("snapshot", "-o", again)
    done = looking("verify", "--before", before, "--json")
    page = looking("verify", "--before", before, "--format", "html")

    first, second = (json.loads(path.read_text())["mailboxes"] for path in (before, again))
    assert first == second
    assert [each["login"] for each in first] == [f"{user}@example.test" for user in USERS]
    assert {f["name"]: f["messages"] for f in first[1]["imap"]["folders"]} == {
        "Archive": 3,
        "Archive.2025": 2,
        "INBOX": 5,
    }
    assert first[0]["sieve"]["active"] == "main"
    assert (done.code, done.document["changes"]) == (0, [])
    shown = [kept.stdout, kept.stderr, done.stdout, page.stdout, page.stderr, again.read_text()]
    for user in filled.users:
        assert not any(user.password in text for text in shown)


def _folder(home: Path) -> None:
    (folder,) = home.glob("Maildir/.Archive.2025")
    shutil.rmtree(folder)


def _message(home: Path) -> None:
    next(iter(sorted(home.glob("Maildir/cur/*")))).unlink()


def _uidvalidity(home: Path) -> None:
    for path in [*home.glob("Maildir/dovecot*"), *home.glob("Maildir/.Archive/dovecot*")]:
        path.unlink()
    (home / "Maildir/dovecot-uidlist").write_text("3 V1234567 N6 Gffffffff\n")
    subprocess.run(["chown", "-R", "nobody:nogroup", home], check=True, timeout=10)


def _subscriptions(home: Path) -> None:
    (home / "Maildir/subscriptions").unlink()


def _everything(home: Path) -> None:
    shutil.rmtree(home / "Maildir")


@pytest.mark.parametrize(
    ("fault", "field", "says"),
    [
        (_folder, "mailbox.folder", "bob@example.test, folder Archive.2025: the folder is gone"),
        (_message, "mailbox.messages", "1 message is missing"),
        (_uidvalidity, "mailbox.uidvalidity", "every program downloads everything again"),
        (_subscriptions, "mailbox.subscribed", "no longer subscribed"),
        (_everything, "mailbox.folders", "is its path right, and was it copied?"),
    ],
)
def test_what_is_lost_in_a_mailbox_is_named(  # noqa: PLR0913, PLR0917 - fixtures
    fault: Callable[[Path], None],
    field: str,
    says: str,
    looking: Callable[..., Ended],
    before: Path,
    home: Path,
) -> None:
    fault(home)

    done = looking("verify", "--before", before, "--json")

    assert done.code == 1
    assert says in _told(done)[field]
    assert all(c["class"] == "lost" for c in done.document["changes"] if c["field"] == field)


def test_mail_that_came_meanwhile_is_gained(
    looking: Callable[..., Ended], before: Path, home: Path, filled: Lab
) -> None:
    assert home.exists()
    with opened(filled, "bob") as session:
        fill(session, "INBOX", 2)

    done = looking("verify", "--before", before, "--json")

    assert done.code == 0
    assert {c["class"] for c in done.document["changes"]} == {"gained"}
    assert "2 messages are new" in _told(done)["mailbox.messages"]


def test_a_message_that_is_lost_while_another_one_comes_is_named(
    looking: Callable[..., Ended], before: Path, home: Path, filled: Lab
) -> None:
    _message(home)
    with opened(filled, "bob") as session:
        fill(session, "INBOX", 1)

    done = looking("verify", "--before", before, "--json")

    assert done.code == 1
    assert "bob@example.test, folder INBOX: 1 message is missing" in _told(done)["mailbox.messages"]


def test_other_uidls_and_a_lost_user_are_named(
    looking: Callable[..., Ended], before: Path, filled: Lab, accounts: Path
) -> None:
    config, users = filled.path / "dovecot/dovecot.conf", filled.path / "dovecot/users"
    text, known = config.read_text(), users.read_text()
    kept = accounts.read_text()
    try:
        config.write_text(text + "\npop3_uidl_format = %f\n")
        users.write_text("".join(x for x in known.splitlines(keepends=True) if "carol" not in x))
        _reloaded(filled)
        done = looking("verify", "--before", before, "--json")
    finally:
        config.write_text(text)
        users.write_text(known)
        _reloaded(filled)

    told = _told(done)
    assert done.code == 1
    assert "all UIDLs of POP3 differ" in told["mailbox.uidls"]
    assert "carol@example.test: can no longer log in" in told["mailbox.login"]
    assert kept == accounts.read_text()


def _reloaded(lab: Lab) -> None:
    config = str(lab.host.dovecot.config)
    argv = ("doveadm", "-c", config, "reload")
    subprocess.run(argv, check=True, timeout=30, stdin=subprocess.DEVNULL, capture_output=True)


def test_without_the_option_nobody_logs_in_and_that_is_said(
    filled: Lab, before: Path, certcheck: Certcheck
) -> None:
    log = filled.path / "log" / "dovecot.log"
    earlier = log.read_text().count("Login: user")

    done = certcheck("verify", "-c", filled.config, "--before", before)

    assert done.code == 0
    assert "which were not looked into now: give --mailboxes ACCOUNTS" in done.stdout
    assert earlier > 0
    assert log.read_text().count("Login: user") == earlier


def test_a_mailbox_that_cannot_be_asked_is_not_green(
    filled: Lab, before: Path, accounts: Path, certcheck: Certcheck
) -> None:
    # Without --ca-file nobody trusts this authority, and no password is sent.
    done = certcheck("verify", "-c", filled.config, "--before", before, "--mailboxes", accounts)

    assert done.code == 3
    assert "Nobody knows whether its mail is there" in done.stdout
    assert done.stdout.startswith("Not certain")


@pytest.mark.parametrize(("mode", "says"), [(0o644, "chmod 600"), (0o640, "chmod 600")])
def test_accounts_that_others_can_read_are_refused(
    mode: int, says: str, looking: Callable[..., Ended], accounts: Path, tmp_path: Path
) -> None:
    accounts.chmod(mode)

    done = looking("snapshot", "-o", tmp_path / "x.json")

    assert done.code == 2
    assert says in done.complaint
    assert "pw-" not in done.stderr


def _mail(filled: Lab, accounts: Path, certcheck: Certcheck) -> Ended:
    options = ("-c", filled.config, "--ca-file", filled.acme_root, "--bundle", "mail")
    return certcheck("verify", *options, "--mail", accounts, "--json")


def test_a_marked_message_goes_round_and_leaves_nothing(
    filled: Lab, accounts: Path, certcheck: Certcheck
) -> None:
    done = _mail(filled, accounts, certcheck)

    legs = {row["leg"]: row for row in done.document["rows"] if "leg" in row}
    assert done.code == 0, done.document["changes"]
    assert {leg.partition(" ")[0] for leg in legs} == {
        *("submission", "submissions", "smtp", "imap", "pop3", "removed")
    }
    assert {row["outcome"] for row in legs.values()} == {"passed"}
    assert all(0 < row["seconds"] < 60 for row in legs.values())
    with opened(filled, "alice") as session:
        assert session.select("INBOX")[1] == [b"5"]


def test_mail_that_is_taken_and_never_delivered_is_named(
    filled: Lab, accounts: Path, certcheck: Certcheck
) -> None:
    main = filled.host.postfix.config / "main.cf"
    text = main.read_text()
    argv = ("postfix", "-c", str(filled.host.postfix.config), "reload")
    try:
        main.write_text(text + "\nvirtual_transport = lmtp:unix:private/nowhere\n")
        subprocess.run(argv, check=True, timeout=60, stdin=subprocess.DEVNULL)
        done = _mail(filled, accounts, certcheck)
    finally:
        main.write_text(text)
        subprocess.run(argv, check=True, timeout=60, stdin=subprocess.DEVNULL)

    told = [c["message"] for c in done.document["changes"] if c["field"] == "mailbox.delivery"]
    assert done.code == 1
    assert any("a message that was accepted does not arrive" in text for text in told)
