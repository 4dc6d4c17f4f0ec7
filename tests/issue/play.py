"""What a scripted authority says in the course of a good order, to be changed by the tests."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certcheck import x509
from certcheck.host.local import LocalHost
from certcheck.issue.authority import Authority
from certcheck.issue.http01 import Webroot
from certcheck.issue.order import Issued, Terms, issued
from certcheck.issue.solver import Challenge, ChallengeSolver
from certcheck.lab import pki
from certcheck.names import hostname
from certcheck.store import orders
from certcheck.store.orders import Begun, Order
from tests.issue.conftest import Reply, Scripted

Script = dict[str, Reply | tuple[Reply, ...]]

NAME = hostname("mail.example.test")
KEY = x509.new_key("ecdsa")
CA = pki.authority()
LEAF = pki.make(pki.Shape(), issuer=CA.intermediate, key=KEY)
IDENTIFIER = {"type": "dns", "value": NAME.ascii}
CHALLENGE = {"type": "http-01", "url": "BASE/h", "token": "A" * 43, "status": "pending"}

TOKEN = "tok-EN_1"

ACCOUNT = Reply(status=201, body={"status": "valid"}, headers={"Location": "BASE/a/1"})


def an_order(status: str, *, code: int = 200, **more: Any) -> Reply:
    body = {"status": status, "authorizations": ["BASE/z"], "finalize": "BASE/f", **more}
    return Reply(status=code, body=body, headers={"Location": "BASE/o", "Retry-After": "0"})


def an_authorization(state: str, **challenge: Any) -> Reply:
    body = {"status": state, "identifier": IDENTIFIER, "challenges": [CHALLENGE | challenge]}
    return Reply(body=body, headers={"Retry-After": "0"})


def challenge(token: str = TOKEN) -> Challenge:
    return Challenge(
        kind="http-01", name=NAME.ascii, token=token, key_authorization=f"{token}.thumb"
    )


SMOOTH: Script = {
    "/newAccount": ACCOUNT,
    "/newOrder": an_order("pending", code=201),
    "/z": (an_authorization("pending"), an_authorization("valid")),
    "/h": Reply(body=CHALLENGE),
    "/o": (
        an_order("pending"),
        an_order("ready"),
        an_order("ready"),
        an_order("processing"),
        an_order("valid", certificate="BASE/c"),
    ),
    "/f": an_order("processing"),
    "/c": Reply(body=LEAF.chain),
}


def begun(
    state: Path,
    directory: str,
    *,
    names: Sequence[str] = (NAME.ascii,),
    key_pem: bytes = KEY,
    key: x509.KeyKind = "ecdsa",
) -> Order:
    """An order that has just been begun."""
    head = Begun(
        bundle="mail",
        names=tuple(names),
        key=key,
        keys=(key,),
        directory=directory,
        created=datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
    )
    return orders.begin(state, head, key_pem)


def terms(
    authority: Authority,
    state: Path,
    *,
    deadline: float = 20,
    progress: Callable[[str], None] = lambda _: None,
) -> Terms:
    """The terms of an order whose account is kept in `state`."""
    return Terms(
        authority=authority, state=state, host=LocalHost(), deadline=deadline, progress=progress
    )


def ordered(
    ca: Scripted,
    state: Path,
    *,
    solver: ChallengeSolver | None = None,
    progress: Callable[[str], None] = lambda _: None,
    order: Order | None = None,
) -> Issued:
    return issued(
        order or begun(state, ca.authority.directory),
        terms(ca.authority, state, progress=progress),
        solver=solver or Webroot(state),
        anew=lambda: begun(state, ca.authority.directory),
    )
