import json
from pathlib import Path
from typing import Any

import pytest

from certcheck import x509
from certcheck.errors import CaError
from certcheck.issue.account import account_home, account_key
from certcheck.issue.http01 import Listener
from certcheck.issue.order import Issued, issued
from certcheck.lab import pki
from certcheck.names import hostname
from tests.issue.conftest import Reply, Scripted, ScriptedMaker, problem

NAME = hostname("mail.example.test")
KEY = x509.new_key("ecdsa")
CA = pki.authority()
LEAF = pki.make(pki.Shape(), issuer=CA.intermediate, key=KEY)
IDENTIFIER = {"type": "dns", "value": NAME.ascii}
CHALLENGE = {"type": "http-01", "url": "BASE/h", "token": "A" * 43, "status": "pending"}

ACCOUNT = Reply(status=201, body={"status": "valid"}, headers={"Location": "BASE/a/1"})


def an_order(status: str, *, code: int = 200, **more: Any) -> Reply:
    body = {"status": status, "authorizations": ["BASE/z"], "finalize": "BASE/f", **more}
    return Reply(status=code, body=body, headers={"Location": "BASE/o", "Retry-After": "0"})


def an_authorization(state: str, **challenge: Any) -> Reply:
    body = {"status": state, "identifier": IDENTIFIER, "challenges": [CHALLENGE | challenge]}
    return Reply(body=body, headers={"Retry-After": "0"})


SMOOTH: dict[str, Reply | tuple[Reply, ...]] = {
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


def ordered(ca: Scripted, state: Path) -> Issued:
    return issued(
        (NAME,),
        authority=ca.authority,
        key_pem=KEY,
        key_kind="ecdsa",
        solver=Listener(0),
        state=state,
        deadline=20,
        progress=lambda _: None,
    )


def posts(ca: Scripted, path: str) -> int:
    return ca.asked.count(("POST", path))


def test_an_order_is_polled_and_finalized_once(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted(SMOOTH)

    got = ordered(ca, tmp_path)

    assert x509.pem(got.chain) == LEAF.chain
    assert got.order_url == f"{ca.base}/o"
    assert (posts(ca, "/h"), posts(ca, "/f"), posts(ca, "/newOrder")) == (1, 1, 1)


def test_an_order_that_is_valid_already_is_only_downloaded(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    done = {"/z": an_authorization("valid"), "/o": an_order("valid", certificate="BASE/c")}
    ca = scripted({**SMOOTH, **done})

    assert ordered(ca, tmp_path).chain
    assert (posts(ca, "/h"), posts(ca, "/f")) == (0, 0)


def test_a_challenge_that_is_under_way_is_not_answered_again(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    under_way = an_authorization("pending", status="processing")
    ca = scripted({**SMOOTH, "/z": (under_way, under_way, an_authorization("valid"))})

    assert ordered(ca, tmp_path).chain
    assert posts(ca, "/h") == 0


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (an_order("invalid"), "the order became invalid"),
        (an_order("valid"), "the order became invalid"),
        (
            an_order("invalid", error={"type": "urn:ietf:params:acme:error:badCSR", "detail": "x"}),
            r"refuses the order: x \(badCSR\)",
        ),
    ],
)
def test_an_order_that_becomes_invalid_is_the_cas_word(
    scripted: ScriptedMaker, tmp_path: Path, order: Reply, said: str
) -> None:
    ca = scripted({**SMOOTH, "/o": (an_order("ready"), order)})

    with pytest.raises(CaError, match=said):
        ordered(ca, tmp_path)


def test_a_refused_csr_is_the_cas_word(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted({**SMOOTH, "/f": problem("badCSR", "the key is weak")})

    with pytest.raises(CaError, match=r"the key is weak \(badCSR\)"):
        ordered(ca, tmp_path)


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        (an_authorization("deactivated"), r"mail\.example\.test: it is deactivated"),
        (Reply(body={"status": "pending", "challenges": []}), "not an authorization"),
        (Reply(body={"identifier": IDENTIFIER}), "not an authorization"),
        (an_authorization("pending", type="odd-01"), "no http-01 challenge"),
        (an_authorization("pending", token="../../etc"), "challenge token|not ACME"),
        (an_authorization("pending", token="A"), "not ACME"),
    ],
)
def test_a_strange_authorization_is_refused(
    scripted: ScriptedMaker, tmp_path: Path, authorization: Reply, said: str
) -> None:
    ca = scripted({**SMOOTH, "/z": authorization})

    with pytest.raises(CaError, match=said):
        ordered(ca, tmp_path)


def test_a_certificate_for_another_key_is_refused(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted({**SMOOTH, "/c": Reply(body=CA.issue(pki.Shape()).chain)})

    with pytest.raises(CaError, match="its key is not the one"):
        ordered(ca, tmp_path)


def test_a_fresh_nonce_comes_with_the_rejection(scripted: ScriptedMaker, tmp_path: Path) -> None:
    rejected = problem("badNonce", "again")
    ca = scripted({**SMOOTH, "/newOrder": (*(rejected,) * 12, an_order("pending", code=201))})

    assert ordered(ca, tmp_path).chain
    assert posts(ca, "/newOrder") == 13
    assert ca.asked.count(("HEAD", "/newNonce")) == 1


def test_a_broken_account_json_is_made_anew(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted(SMOOTH)
    account_key(tmp_path, ca.authority.directory)
    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    kept.write_text("{")
    kept.chmod(0o600)

    ordered(ca, tmp_path)

    assert json.loads(kept.read_text()) == {
        "uri": f"{ca.base}/a/1",
        "directory": ca.authority.directory,
        "contact": [],
    }


def test_an_account_without_a_place_is_refused(scripted: ScriptedMaker, tmp_path: Path) -> None:
    created = Reply(status=201, body={"status": "valid"})
    ca = scripted({**SMOOTH, "/newAccount": created})

    with pytest.raises(CaError, match="does not name our account"):
        ordered(ca, tmp_path)


def test_an_authority_that_both_has_and_lacks_the_account_is_refused(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    has = Reply(body={"status": "valid"}, headers={"Location": "BASE/a/1"})
    lacks = problem("accountDoesNotExist", "who?")
    ca = scripted({**SMOOTH, "/newAccount": (has, lacks)})

    with pytest.raises(CaError, match="that it does not"):
        ordered(ca, tmp_path)


def test_a_known_account_without_a_place_is_refused(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    ca = scripted({**SMOOTH, "/newAccount": (ACCOUNT, Reply(body={"status": "valid"}))})
    ordered(ca, tmp_path)

    with pytest.raises(CaError, match="does not name our account"):
        ordered(ca, tmp_path)
