"""The accounts file: what it may look like, and that no error quotes it."""

import json
import os
import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.config.accounts import accounts
from certcheck.errors import InputError
from certcheck.model.account import Account, Password

SECRET = "hunter2-Zwölf"
NOBODY = 65534


def _file(folder: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path = folder / "accounts"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def _read(folder: Path, text: str | bytes) -> list[tuple[str, str]]:
    found = accounts(_file(folder, text))
    return [(each.login, each.password.reveal()) for each in found]


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        accounts(path)
    told = "".join(traceback.format_exception(caught.value))
    seen: BaseException | None = caught.value
    while seen is not None:
        told += repr(seen) + repr(seen.args) + repr(vars(seen))
        seen = seen.__context__
    assert "hunter2" not in told
    assert "alice" not in told
    assert caught.value.exit_code == 2
    return caught.value.message


@pytest.mark.parametrize("separator", [" ", "   ", "\t", " \t ", ":", ",", ";", ": ", ", "])
def test_the_first_separator_ends_the_login(tmp_path: Path, separator: str) -> None:
    text = f"alice@example.test{separator}p:a,s;s w\\o#rd \n"

    assert _read(tmp_path, text) == [("alice@example.test", "p:a,s;s w\\o#rd ")]


@pytest.mark.parametrize(
    "heading",
    ["login,password", "Login Password", "LOGIN;PASSWORD", "user:pass", "E-Mail\tPasswort"],
)
def test_a_first_line_that_names_the_columns_is_no_account(tmp_path: Path, heading: str) -> None:
    text = f"# from the old host\n\n{heading}\nalice@example.test {SECRET}\n"

    assert _read(tmp_path, text) == [("alice@example.test", SECRET)]


def test_a_later_line_that_looks_like_a_heading_is_an_account(tmp_path: Path) -> None:
    assert _read(tmp_path, "alice a\nlogin password\n") == [("alice", "a"), ("login", "password")]


def test_a_file_from_windows_is_taken(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbflogin,password\r\nalice@example.test,s\xc3\xb6\r\n\r\nbob,b\r\n"

    assert _read(tmp_path, text) == [("alice@example.test", "sö"), ("bob", "b")]


def test_a_json_list_is_taken(tmp_path: Path) -> None:
    users = [{"login": "alice@example.test", "password": " x "}, {"login": "b c", "password": "y"}]

    assert _read(tmp_path, json.dumps(users)) == [("alice@example.test", " x "), ("b c", "y")]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = _file(tmp_path, f"alice {SECRET}\n", mode=mode)

    assert f"is open to other users (mode {mode:04o})" in _refusal(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, f"alice {SECRET}\n")
    os.chown(path, NOBODY, NOBODY)

    assert "belongs to another user" in _refusal(path)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    assert "no regular file" in _refusal(tmp_path / "pipe")
    assert "Is a directory" in _refusal(tmp_path)
    assert "cannot read" in _refusal(tmp_path / "missing")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no account"),
        ("# nothing\n\nlogin password\n", "holds no account"),
        ("bob b\nalice\n", ":2: no password"),
        ("bob b\nalice \n", ":2: no password"),
        ("bob b\n:hunter2\n", ":2: no login"),
        ("alice hunter2\n# again\nalice hunter2\n", ":3: this login stands there twice"),
        ("alice hun\tter2 hunter2\n", ":1: control characters"),
        ("alice hunter2\x00\n", ":1: control characters"),
        ("al\x1bice hunter2\n", ":1: control characters"),
        ("alice hunter2\rbob x\n", ":1: control characters"),
        ("alice hunter2\x85x\n", ":1: control characters"),
        (b"bob b\nalice hunter2\xff\n", ":2: not UTF-8"),
        (f"alice hunter2{'x' * 1024}\n", ":1: longer than"),
        ("[]", "holds no account"),
        ('[{"login": "alice", "password": "hunter2"},\n oh]', ":2: not JSON"),
        ('[{"login": "alice", "hunter2": "x"}]', "entry 1: not a login and a password"),
        ('[{"login": "alice", "password": 5}]', "entry 1: login and password are not both text"),
        ('["alice hunter2"]', "entry 1: not a login"),
        ('[{"login": "alice", "password": "hunter2\\n"}]', "entry 1: control characters"),
        ('[{"login": "alice", "password": "hunter2\\ud800"}]', "entry 1: no Unicode"),
        ("[" * 100_000, "nested too deeply"),
        ("alice hunter2\n" + "#" * 1024 * 1024, "larger than 1 MiB"),
        ("".join(f"u{n} hunter2\n" for n in range(10_001)), "more than 10000 accounts"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_without_its_text(
    tmp_path: Path, text: str | bytes, complaint: str
) -> None:
    path = _file(tmp_path, text)

    assert complaint in _refusal(path)


def test_a_master_user_is_known_by_the_star() -> None:
    plain = Account(login="alice@example.test", password=Password("x"))
    master = Account(login="alice@example.test*admin", password=Password("x"))

    assert (plain.mailbox, plain.master) == ("alice@example.test", None)
    assert (master.mailbox, master.master) == ("alice@example.test", "admin")


def test_a_password_shows_itself_to_nobody() -> None:
    account = Account(login="alice", password=Password(SECRET))

    assert SECRET not in f"{account} {account!r} {account.password} {account.password!r:>9}"
    with pytest.raises(TypeError):
        pickle.dumps(account)
    with pytest.raises(TypeError):
        json.dumps(account.password)
    with pytest.raises(ValueError, match="control characters") as caught:
        Account(login="alice", password=Password(f"{SECRET}\n"))
    assert SECRET not in str(caught.value)


_WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@given(login=_WORDS, password=_WORDS, separator=st.sampled_from([" ", "\t", ":", ",", ";"]))
def test_any_account_comes_back_from_its_line(
    tmp_path_factory: pytest.TempPathFactory, login: str, password: str, separator: str
) -> None:
    login = "u" + login.translate(dict.fromkeys(map(ord, " \t:,;")))
    password = password.lstrip(" ") or "x"
    if separator in " \t" and login.isspace():
        return
    folder = tmp_path_factory.getbasetemp()

    assert _read(folder, f"# c\nfirst x\n{login}{separator}{password}\n")[1:] == [(login, password)]


@given(data=st.binary(max_size=200))
def test_no_file_crashes_the_parser(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = _file(tmp_path_factory.getbasetemp(), data)

    try:
        found = accounts(path)
    except InputError:
        return
    assert all(each.login and each.password.reveal() for each in found)
