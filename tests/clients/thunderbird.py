"""Thunderbird without a screen: what it does is read from the log of the Dovecot that it meets."""

import contextlib
import hashlib
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from certcheck.model.certificate import colons
from certcheck.model.prediction import Result
from tests.clients.programs import Done, Program, Visit

_SECONDS = 40.0
_PAUSE = 0.25
# A session that has lived this long has got through TLS and waits for its owner's password.
_SETTLED = 3.0
_PREFERENCES = {
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.server": "server1",
    "mail.account.account1.identities": "id1",
    "mail.account.account2.server": "server2",
    "mail.identity.id1.useremail": "alice@example.test",
    "mail.identity.id1.valid": True,
    "mail.server.server1.type": "imap",
    "mail.server.server1.socketType": 3,
    "mail.server.server1.userName": "alice@example.test",
    "mail.server.server1.login_at_startup": True,
    "mail.server.server1.check_new_mail": True,
    "mail.server.server2.type": "none",
    "mail.server.server2.hostname": "Local Folders",
    "mail.shell.checkDefaultClient": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "app.update.auto": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.healthreport.uploadEnabled": False,
    "toolkit.telemetry.enabled": False,
}
_SHA_256 = "OID.2.16.840.1.101.3.4.2.1"
_SESSION = r"TLS(: |, session)"
_CERTIFICATE = r"alert (bad certificate|unknown ca|certificate \w+|unsupported certificate)"
_TLS = r"no shared cipher|unsupported protocol|alert (handshake failure|protocol version)"


def _done(visit: Visit) -> Done:
    """One start, and a second one with an exception where the certificate did not please."""
    first = _met(visit, "first", exception=False)
    if not re.search(_CERTIFICATE, first):
        return Done(code=0, said=first)
    return Done(code=1, said=_met(visit, "second", exception=True))


def _read(done: Done) -> Result:
    # What an exception helps against is what it asks about.
    if re.search(f"{_CERTIFICATE}|{_TLS}", done.said):
        return "locked_out"
    if re.search(_SESSION, done.said):
        return "asks" if done.code else "connects"
    raise ValueError(f"Thunderbird did not come: {done.said[-500:]}")


def _met(visit: Visit, name: str, *, exception: bool) -> str:
    profile = visit.home / name
    profile.mkdir()
    _prepare(profile, visit)
    if exception:
        leaf = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((visit.address, visit.imaps)))
        print_ = colons(hashlib.sha256(leaf).hexdigest())
        line = f"{visit.host}:{visit.imaps}:\t{_SHA_256}\t{print_}\t\n"
        (profile / "cert_override.txt").write_text(line)
    start = visit.log.stat().st_size
    with _running(profile):
        _wait(visit, start)
    deadline = time.monotonic() + _SECONDS
    while not (said := _said(visit, start)) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return said


def _prepare(profile: Path, visit: Visit) -> None:
    place = ("-d", f"sql:{profile}")
    for words in (
        ("-N", *place, "--empty-password"),
        ("-A", *place, "-n", "lab", "-t", "C,,", "-i", str(visit.root)),
    ):
        subprocess.run(("certutil", *words), check=True, capture_output=True, timeout=60)
    wanted: Mapping[str, object] = {
        **_PREFERENCES,
        "mail.server.server1.hostname": visit.host,
        "mail.server.server1.port": visit.imaps,
        # Every name there is: it meets nobody else.
        "network.dns.forceResolve": visit.address,
    }
    lines = [f'user_pref("{name}", {_literal(value)});\n' for name, value in wanted.items()]
    (profile / "user.js").write_text("".join(lines))


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


@contextmanager
def _running(profile: Path) -> Iterator[None]:
    with subprocess.Popen(
        ("thunderbird", "--headless", "--no-remote", "--profile", str(profile)),
        env={"PATH": os.environ["PATH"], "HOME": str(profile), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait(visit: Visit, start: int) -> None:
    # Until Dovecot has told of a failure, or a session has settled.
    deadline = time.monotonic() + _SECONDS
    since = deadline
    while time.monotonic() < deadline and not _said(visit, start):
        now = time.monotonic()
        since = min(since, now) if _connected(visit) else deadline
        if now - since > _SETTLED:
            return
        time.sleep(_PAUSE)


def _connected(visit: Visit) -> bool:
    there = ".".join(visit.address.split(".")[::-1])
    wanted = f"{int.from_bytes(map(int, there.split('.'))):08X}:{visit.imaps:04X} 01 "
    return wanted in Path("/proc/net/tcp").read_text()


def _said(visit: Visit, start: int) -> str:
    with visit.log.open() as log:
        log.seek(start)
        return "".join(line for line in log if f"lip={visit.address}," in line)


THUNDERBIRD = Program(
    client="thunderbird-153",
    name="Thunderbird 153, IMAPS",
    server="dovecot",
    done=_done,
    read=_read,
)
