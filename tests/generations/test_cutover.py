"""The service address and the mailboxes, moved from one host to the other."""

import hashlib
import imaplib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from certcheck import x509
from certcheck.lab.generations import Generations, Host
from certcheck.lab.generations.mailboxes import FOLDERS, SUBSCRIBED
from certcheck.lab.generations.plan import SERVICE
from certcheck.lab.plan import USERS, User

LONGEST = 2.0  # seconds without an answer
ITEMS = "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)"


@dataclass(slots=True)
class Watch:
    """What a client sees at one address, ten times a second: when, and which certificate."""

    address: str
    seen: list[tuple[float, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.ended.wait(0.1):
            try:
                leaf = leaf_at(self.address)
            except OSError:
                continue
            self.seen.append((time.monotonic(), leaf))

    @property
    def outage(self) -> float:
        times = [when for when, _ in self.seen]
        return max(later - before for before, later in pairwise(times))


def leaf_at(address: str) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, 993), timeout=1) as plain,
        context.wrap_socket(plain) as session,
    ):
        certificate = session.getpeercert(binary_form=True)
    assert certificate
    return hashlib.sha256(certificate).hexdigest()


def on_disk(host: Host) -> str:
    (leaf, *_) = x509.chain(host.read("/etc/tls/fullchain.pem"), where="test")
    return leaf.sha256.replace(":", "").lower()


@contextmanager
def watched(lab: Generations) -> Iterator[list[Watch]]:
    watches = [Watch(address=address) for address in SERVICE.both]
    threads = [threading.Thread(target=lab.client.call, args=(watch.run,)) for watch in watches]
    for thread in threads:
        thread.start()
    try:
        yield watches
    finally:
        for watch in watches:
            watch.ended.set()
        for thread in threads:
            thread.join()


def wait_for(watches: list[Watch], leaf: str) -> None:
    deadline = time.monotonic() + 20
    while not all(watch.seen and watch.seen[-1][1] == leaf for watch in watches):
        assert time.monotonic() < deadline, "the client never sees that host"
        time.sleep(0.02)


def test_the_address_moves_there_and_back_in_less_than_two_seconds(
    lab: Generations, record_property: Callable[[str, object], None]
) -> None:
    before, after = on_disk(lab.old), on_disk(lab.new)
    with watched(lab) as watches:
        wait_for(watches, before)

        lab.move_address("new")
        wait_for(watches, after)
        lab.move_address("old")
        wait_for(watches, before)

    for watch in watches:
        record_property("measured", f"{watch.address} away for {watch.outage:.2f} s at most")
        assert watch.outage < LONGEST
        assert {leaf for _, leaf in watch.seen} == {before, after}


def test_moving_the_address_where_it_is_changes_nothing(lab: Generations) -> None:
    lab.move_address("old")
    lab.move_address("old")

    for address in SERVICE.both:
        assert lab.client.call(partial(leaf_at, address)) == on_disk(lab.old)


def test_the_copied_mailboxes_are_the_same_to_a_client(lab: Generations) -> None:
    before = {user.login: snapshot(lab, lab.old, user) for user in USERS}

    lab.copy_mailboxes()

    assert {user.login: snapshot(lab, lab.new, user) for user in USERS} == before
    old, new = (host.path("/var/vmail") for host in lab.hosts)
    paths = sorted(path.relative_to(old) for path in old.rglob("*"))
    owned = [path for path in paths if (new / path).lstat().st_uid == (old / path).lstat().st_uid]
    assert owned == paths
    script = new / USERS[0].login / ".dovecot.sieve"
    assert script.readlink().name == "main.sieve"


def snapshot(lab: Generations, host: Host, user: User) -> dict[str, object]:
    with lab.door(host.address.ipv4).session(user) as session:
        told: dict[str, object] = {folder: contents(session, folder) for folder in FOLDERS}
        told["folders"] = sorted(session.list()[1], key=repr)
        told["subscribed"] = sorted(session.lsub()[1], key=repr)
    return told


def contents(session: imaplib.IMAP4, folder: str) -> tuple[object, ...]:
    status = session.status(folder, ITEMS)[1]
    session.select(folder, readonly=True)
    return status, session.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")[1]


def test_the_mailboxes_hold_what_makes_a_move_hard(lab: Generations) -> None:
    seen = snapshot(lab, lab.old, USERS[0])

    text = repr(seen)
    assert all(repr(folder)[1:-1] in text for folder in FOLDERS)
    assert text.count("\\\\Sent") >= 1
    assert text.count("\\\\Trash") >= 1
    assert len(seen["subscribed"]) == len(SUBSCRIBED)  # type: ignore[arg-type]
    assert "Kunde" in text
    # Two are expunged, so the UIDs begin at 3.
    assert re.search(r"UID (\d+)", repr(seen["INBOX"])).group(1) == "3"  # type: ignore[union-attr]
