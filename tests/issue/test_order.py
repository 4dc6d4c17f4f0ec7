import json
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.errors import CaError
from certcheck.issue.account import account_home, account_key
from certcheck.lab import pki
from tests.issue.conftest import Reply, Scripted, ScriptedMaker, problem
from tests.issue.play import (
    ACCOUNT,
    CA,
    IDENTIFIER,
    LEAF,
    SMOOTH,
    an_authorization,
    an_order,
    ordered,
)

LINKED = Reply(body=LEAF.chain, headers={"Link": '<BASE/alternate>;rel="alternate"'})


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


def test_an_account_that_the_authority_knows_already_is_taken(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    # RFC 8555 7.3.1: 200 and not 201 when the key has an account
    has = Reply(body={"status": "valid"}, headers={"Location": "BASE/a/7"})
    ca = scripted({**SMOOTH, "/newAccount": has})

    assert ordered(ca, tmp_path).chain


@pytest.mark.parametrize(
    "alternate",
    [
        Reply(status=404),
        problem("serverInternal", "on\x1b[31m\nfire", 500),
        Reply(body=b"no certificate"),
        Reply(body=LEAF.chain, cut=True),
        Reply(body=b"x" * 1_100_000),
        Reply(body=LEAF.chain, headers={"Replay-Nonce": ""}),
    ],
)
def test_an_alternate_chain_that_fails_does_not_lose_the_certificate(
    scripted: ScriptedMaker, tmp_path: Path, alternate: Reply
) -> None:
    ca = scripted({**SMOOTH, "/c": LINKED, "/alternate": alternate})
    lines: list[str] = []

    got = ordered(preferring(ca, "Nobody"), tmp_path, progress=lines.append)

    assert x509.pem(got.chain) == LEAF.chain
    (skipped,) = [line for line in lines if "another chain is left out" in line]
    assert skipped.isprintable()
    assert "'Nobody'" in lines[-2]


def test_the_chain_after_one_that_fails_is_taken(scripted: ScriptedMaker, tmp_path: Path) -> None:
    other = CA.issue(pki.Shape())
    links = '<http://localhost/>;rel="alternate", <BASE/no>;rel="alternate"'
    both = f'{links}, <BASE/alternate>;rel="alternate"'
    ca = scripted(
        {
            **SMOOTH,
            "/c": replace(LINKED, headers={"Link": both}),
            "/alternate": Reply(body=other.certificate),
        }
    )

    got = ordered(preferring(ca, "Lab intermediate"), tmp_path)

    assert x509.pem(got.chain) == other.certificate


def preferring(ca: Scripted, issuer: str) -> Scripted:
    return replace(ca, authority=replace(ca.authority, preferred_chain=issuer))


def test_a_known_account_without_a_place_is_refused(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    ca = scripted({**SMOOTH, "/newAccount": (ACCOUNT, Reply(body={"status": "valid"}))})
    ordered(ca, tmp_path)

    with pytest.raises(CaError, match="does not name our account"):
        ordered(ca, tmp_path)
