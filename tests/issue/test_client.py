import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from certcheck import __version__, x509
from certcheck.errors import CaError, InputError, UnfitBundle
from certcheck.issue.authority import Authority
from certcheck.issue.client import Deadline, Network
from certcheck.issue.http01 import Listener
from certcheck.issue.order import issued
from certcheck.issue.refusal import told_plainly
from certcheck.issue.trouble import seconds_asked
from certcheck.names import hostname
from tests.issue.conftest import Reply, ScriptedMaker, problem
from tests.issue.play import begun, terms

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = (hostname("mail.example.test"), hostname("imap.example.test"))
KEY = x509.new_key("ecdsa")
ACCOUNT = Reply(status=201, body={"status": "valid"}, headers={"Location": "https://localhost/a/1"})


def order(authority: Authority, state: Path, **changes: Any) -> object:
    deadline = changes.pop("deadline", 10)
    usual: dict[str, Any] = {"names": [name.ascii for name in NAMES], "key_pem": KEY}
    return issued(
        begun(state, authority.directory, **usual | changes),
        terms(authority, state, deadline=deadline),
        solver=Listener(0),
        anew=lambda: begun(state, authority.directory),
    )


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(body=b"<html>Welcome"), "something that is not ACME"),
        (Reply(body={}), "is not an ACME directory"),
        (Reply(status=404, body=b"<html>"), r"HTTP 404 at https://localhost:\d+/dir"),
        (Reply(status=503, body=b"busy"), "HTTP 503"),
        (Reply(body=b"x" * 1_100_000), "more than 1048576 bytes"),
        (Reply(body=b"x" * 1000, cut=True), "cannot be reached"),
        (Reply(status=302, headers={"Location": "http://localhost:1/dir"}), "cannot be reached"),
        (problem("serverInternal", "on\nfire", 500), r"refuses: on fire \(serverInternal\)"),
        (Reply(status=500, body={"oddly": ["shaped"]}), "500|refuses"),
    ],
)
def test_a_strange_directory_is_one_plain_line(
    scripted: ScriptedMaker, tmp_path: Path, reply: Reply, said: str
) -> None:
    ca = scripted({"/dir": reply})

    with pytest.raises(CaError, match=said) as e:
        order(ca.authority, tmp_path)

    assert "\n" not in e.value.message
    assert ca.authority.directory in e.value.message


def test_a_directory_whose_json_is_a_list_is_none(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted({"/dir": Reply(body=b"[]", headers={"Content-Type": "application/json"})})

    with pytest.raises(CaError, match="not an object"):
        order(ca.authority, tmp_path)


def test_an_answer_that_trickles_ends_at_the_deadline(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    ca = scripted({"/dir": Reply(trickle=0.02)})
    begun = time.monotonic()

    with pytest.raises(CaError, match=r"no complete answer within 0\.\d s"):
        order(ca.authority, tmp_path, deadline=0.6)

    assert time.monotonic() - begun < 5


def test_urls_that_are_not_https_are_not_asked(scripted: ScriptedMaker, tmp_path: Path) -> None:
    plain = dict.fromkeys(("newNonce", "newAccount", "newOrder"), "http://localhost:1/x")
    ca = scripted({"/dir": Reply(body=plain)})

    with pytest.raises(CaError, match="not HTTPS: 'http://localhost:1/x'"):
        order(ca.authority, tmp_path)


def test_a_closed_port_is_told(tmp_path: Path, free_port: int) -> None:
    authority = Authority(directory=f"https://localhost:{free_port}/dir")

    with pytest.raises(CaError, match=r"cannot be reached: Connection refused") as e:
        order(authority, tmp_path)

    assert "[acme] directory" in e.value.hint


def test_an_authority_that_is_not_in_dns_is_told(tmp_path: Path) -> None:
    authority = Authority(directory="https://no-such-host.invalid/dir")

    # A host without any DNS may take its time to say so.
    with pytest.raises(CaError, match=r"the name cannot be looked up|no complete answer"):
        order(authority, tmp_path)


def test_an_untrusted_authority_is_told_with_ca_file(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    ca = scripted({})

    with pytest.raises(CaError, match=r"is not trusted: .*local issuer") as e:
        order(replace(ca.authority, ca_file=None), tmp_path)

    assert "ca_file" in e.value.hint


@contextmanager
def plain_text_server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 This is no TLS port\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


def test_a_port_without_tls_is_told(tmp_path: Path) -> None:
    with plain_text_server() as port, pytest.raises(CaError, match="no TLS") as e:
        order(Authority(directory=f"https://localhost:{port}/dir"), tmp_path)

    assert e.value.hint == "is this the right port?"


def test_a_rate_limit_is_told_with_the_time_to_wait(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    limited = problem("rateLimited", "too many certificates", 429, headers={"Retry-After": "3600"})
    ca = scripted({"/newAccount": ACCOUNT, "/newOrder": limited})

    with pytest.raises(
        CaError, match=r"too many certificates \(rateLimited\); it asks to wait 3600 s"
    ) as e:
        order(ca.authority, tmp_path)

    assert "later" in e.value.hint


def test_each_name_of_a_compound_problem_is_told(scripted: ScriptedMaker, tmp_path: Path) -> None:
    subproblems = [
        {
            "type": "urn:ietf:params:acme:error:caa",
            "detail": "CAA forbids",
            "identifier": {"type": "dns", "value": "imap.example.test"},
        },
        {
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "on the list",
            "identifier": {"type": "dns", "value": "mail.example.test"},
        },
    ]
    compound = problem("compound", "two names", 403, subproblems=subproblems)
    ca = scripted({"/newAccount": ACCOUNT, "/newOrder": compound})

    with pytest.raises(CaError) as e:
        order(ca.authority, tmp_path)

    assert (
        "two names (compound) [imap.example.test: CAA forbids (caa); "
        "mail.example.test: on the list (rejectedIdentifier)]"
    ) in e.value.message
    assert "CAA" in e.value.hint


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Reply(status=201, body=b"", headers={}), "not JSON|not ACME"),
        (replace(ACCOUNT, headers={"Location": "https://x", "Replay-Nonce": ""}), "nonce"),
        (problem("badNonce", "again"), r"again \(badNonce\)"),
        (Reply(status=200, body={"status": "valid"}), "does not name our account"),
    ],
)
def test_an_account_that_cannot_be_opened_is_the_cas_word(
    scripted: ScriptedMaker, tmp_path: Path, account: Reply, said: str
) -> None:
    ca = scripted({"/newAccount": account})

    with pytest.raises(CaError, match=said):
        order(ca.authority, tmp_path)


def test_a_deactivated_account_is_not_used(scripted: ScriptedMaker, tmp_path: Path) -> None:
    gone = replace(ACCOUNT, status=200, body={"status": "deactivated"})
    ca = scripted({"/newAccount": gone})

    with pytest.raises(CaError, match=r"https://localhost/a/1 is 'deactivated'") as e:
        order(ca.authority, tmp_path)

    assert "new account" in e.value.hint


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "pending"},
        {"status": "odd", "authorizations": ["https://localhost/z"], "finalize": "https://x"},
        {"status": 5},
        {"status": "pending", "authorizations": [7], "finalize": "https://x"},
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Location": "https://localhost/o/1"}])
def test_an_order_that_is_none_is_refused(
    scripted: ScriptedMaker, tmp_path: Path, body: dict[str, object], headers: dict[str, str]
) -> None:
    answer = Reply(status=201, body=body, headers=headers)
    ca = scripted({"/newAccount": ACCOUNT, "/newOrder": answer})

    with pytest.raises(CaError, match=r"not an order|not ACME|not HTTPS"):
        order(ca.authority, tmp_path)


def test_the_user_agent_is_our_own(scripted: ScriptedMaker) -> None:
    ca = scripted({})
    net = network(ca.authority)

    sent = net.get(ca.authority.directory).request

    assert sent.headers["User-Agent"] == f"certcheck/{__version__}"


def network(authority: Authority, seconds: float = 10) -> Network:
    from josepy.jwk import JWKEC
    from josepy.util import ComparableECKey

    from certcheck.lab.pki import private_key

    key = JWKEC(key=ComparableECKey(private_key(KEY)))
    return Network(key, authority, Deadline.within(seconds))


def test_a_deadline_that_is_over_asks_nothing(scripted: ScriptedMaker) -> None:
    ca = scripted({})

    with pytest.raises(CaError, match="did not finish within 0 s"):
        network(ca.authority, seconds=0).get(ca.authority.directory)

    assert ca.asked == []


def test_a_ca_file_that_vanishes_is_told(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted({})
    net = network(replace(ca.authority, ca_file=tmp_path / "gone.pem"))

    with pytest.raises(CaError, match=r"gone\.pem"), told_plainly("https://ca", net):
        net.get(ca.authority.directory)


def test_no_name_and_no_key_are_refused_before_the_ca_is_asked(tmp_path: Path) -> None:
    nowhere = Authority(directory="https://localhost:1/dir")

    with pytest.raises(InputError, match="no name"):
        order(nowhere, tmp_path, names=())
    with pytest.raises(UnfitBundle, match="the new private key"):
        order(nowhere, tmp_path, key_pem=b"garbage")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60.0),
        ("Wed, 25 Nov 2026 13:01:00 +0100", 60.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 5000, 999999999.0),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    response = requests.Response()
    if header is not None:
        response.headers["Retry-After"] = header

    assert seconds_asked(response, now=NOW) == seconds
