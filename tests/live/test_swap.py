"""Hundreds of swaps under a loop of handshakes: none that was begun fails."""

import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from certcheck.host.local import LocalHost
from certcheck.install.dovecot import Dovecot
from certcheck.install.postfix import Postfix
from certcheck.lab import Lab, pki
from certcheck.lab.pki import Identity

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(500)]

HOST = LocalHost()
SWAPS = 200
IDENTITIES = pki.make(pki.GOOD), pki.make(pki.GOOD)

Record = Callable[[str, object], None]
Contents = Mapping[Path, Callable[[Identity], bytes]]


class Client(threading.Thread):
    """A mail program that connects again and again, and says how far it came."""

    def __init__(self, port: int, *, starttls: bytes = b"") -> None:
        super().__init__(daemon=True)
        self.came = Counter[str]()
        self.leaf = b""
        self.trouble = ""
        self._port = port
        self._starttls = starttls
        self._end = threading.Event()

    def run(self) -> None:
        trust = ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        while not self._end.is_set():
            stage = "connection refused"
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=20) as plain:
                    stage = "greeting dropped"
                    if self._starttls:
                        talk(plain, self._starttls)
                    stage = "handshake failed"
                    with trust.wrap_socket(plain) as secured:
                        self.leaf = secured.getpeercert(binary_form=True) or b""
                stage = "served"
            except OSError as e:
                self.trouble = str(e)
            self.came[stage] += 1

    @property
    def state(self) -> tuple[int, Counter[str], str]:
        """For a failing test: the port, what became of its connections, and the last trouble."""
        return self._port, self.came, self.trouble

    def stop(self) -> Counter[str]:
        self._end.set()
        self.join(timeout=30)
        return self.came


def talk(plain: socket.socket, command: bytes) -> None:
    """From the greeting to the go-ahead for TLS; raises OSError when the server leaves."""
    stream = plain.makefile("rwb", buffering=0)
    for word in (b"", *((b"EHLO swap.test\r\n",) if command == b"STARTTLS\r\n" else ()), command):
        stream.write(word)
        line = stream.readline()
        while line[3:4] == b"-":
            line = stream.readline()
        if not line:
            raise ConnectionResetError


@contextmanager
def quiet_postfix(lab: Lab) -> Iterator[Postfix]:
    """The lab's Postfix without a log of its own, and without Dovecot's help for log-ins.

    With maillog_file its master writes to postlogd while it reads its configuration anew, and
    reads nothing meanwhile, so that under this load both wait for each other for ever. And a new
    smtpd that asks Dovecot for SASL while that is being reloaded, waits for it before any TLS.
    """
    folder = lab.path / "postfix"
    main = folder / "main.cf"
    control(folder, "stop")
    main.write_text(re.sub(r"(?m)^maillog_file = .*$", "maillog_file =", main.read_text()))
    master = folder / "master.cf"
    master.write_text(master.read_text().replace("sasl_auth_enable=yes", "sasl_auth_enable=no"))
    os.utime(main, (time.time() - 60,) * 2)
    control(folder, "start")
    try:
        yield Postfix(name="postfix", config=folder, host=HOST)
    finally:
        control(folder, "stop")


def control(folder: Path, word: str) -> None:
    subprocess.run(
        ["postfix", "-c", folder, word],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
    )


def one_file(lab: Lab) -> Path:
    """Give Dovecot its key and chain in one file."""
    config = lab.path / "dovecot" / "dovecot.conf"
    file = lab.path / "dovecot" / "tls" / "one.pem"
    file.write_bytes(IDENTITIES[0].key_first)
    file.chmod(0o600)
    text = re.sub(r"(?m)^ssl_(cert|key) = <.*", rf"ssl_\1 = <{file}", config.read_text())
    config.write_text(text)
    subprocess.run(["doveadm", "-c", config, "reload"], check=True, timeout=30)
    return file


def written(path: Path, data: bytes) -> None:
    before = HOST.read(path)
    HOST.replace(path, data, expecting=before.sha256, like=before)


def swapped(lab: Lab, dovecot_files: Contents, times: int) -> Counter[str]:
    """Swap so often, each time until every client has seen the new leaf; what became of them."""
    dovecot = Dovecot(name="dovecot", config=lab.path / "dovecot" / "dovecot.conf", host=HOST)
    postfix_files: Contents = {lab.path / "postfix" / "tls" / "chain.pem": lambda i: i.key_first}
    with quiet_postfix(lab) as postfix:
        clients = started(lab)
        for number in range(1, times + 1):
            identity = IDENTITIES[number % 2]
            for server, files in ((dovecot, dovecot_files), (postfix, postfix_files)):
                for path, content in files.items():
                    written(path, content(identity))
                for command in server.activate(()):
                    assert HOST.run(command.argv).code == 0
            wait_until_seen(ssl.PEM_cert_to_DER_cert(identity.certificate.decode()), clients)
        return sum((client.stop() for client in clients), Counter[str]())


def wait_until_seen(leaf: bytes, clients: list[Client]) -> None:
    deadline = time.monotonic() + 30
    while any(client.leaf != leaf for client in clients):
        assert time.monotonic() < deadline, [client.state for client in clients]
        time.sleep(0.005)


def started(lab: Lab) -> list[Client]:
    clients = [
        Client(lab.ports.imaps),
        Client(lab.ports.submissions),
        Client(lab.ports.imap, starttls=b"a STARTTLS\r\n"),
        Client(lab.ports.smtp, starttls=b"STARTTLS\r\n"),
    ]
    for client in clients:
        client.start()
    return clients


def test_with_one_file_no_handshake_that_was_begun_fails(
    fresh_lab: Lab, record_property: Record
) -> None:
    came = swapped(fresh_lab, {one_file(fresh_lab): lambda i: i.key_first}, SWAPS)

    record_property("measured", f"{SWAPS} swaps of one file: {dict(came)}")
    assert came["handshake failed"] == 0
    assert came["connection refused"] == 0
    assert came["served"] > SWAPS * 4


def test_with_two_files_the_gap_is_measured(fresh_lab: Lab, record_property: Record) -> None:
    tls = fresh_lab.path / "dovecot" / "tls"
    files: Contents = {
        tls / "fullchain.pem": lambda i: i.chain,
        tls / "privkey.pem": lambda i: i.key,
    }
    came = swapped(fresh_lab, files, SWAPS // 4)

    record_property("measured", f"{SWAPS // 4} swaps of two files: {dict(came)}")
    assert came["served"] > SWAPS
