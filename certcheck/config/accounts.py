"""The accounts file: logins and passwords, one a line, in a file that nobody else can read."""

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from certcheck.errors import InputError
from certcheck.model.account import Account, Password

_MAX_BYTES = 1024 * 1024
_MAX_ACCOUNTS = 10_000
_MAX_LENGTH = 1024  # characters of a login or a password
_SEPARATOR = re.compile(r"[ \t]+|[:,;][ \t]*")
_HEADING = re.compile(
    r"(login|user(name)?|(e-?)?mail|account|benutzer(name)?)([ \t]+|[:,;][ \t]*)"
    r"(password|passwort|kennwort|pass|pw)[ \t]*",
    re.IGNORECASE,
)
_OTHERS = 0o077
_FORM = "write LOGIN PASSWORD, one account a line"


def accounts(path: Path) -> tuple[Account, ...]:
    """The accounts of the file, in its order; at least one.

    A line is `LOGIN PASSWORD`; a tab, `:`, `,` or `;` separates as well as blanks do. The first
    separator ends the login, and the password is all behind it. A first line such as
    `login,password` is a heading; empty lines and those that begin with `#` say nothing. A JSON
    list of `{"login": ..., "password": ...}` is taken, too.

    Raises InputError, which never quotes the file.
    """
    text = _text(path, _bytes(path))
    as_json = text.lstrip().startswith("[")
    found: dict[str, Account] = {}
    for where, login, password in _in_json(path, text) if as_json else _in_lines(path, text):
        account = _account(where, login, password)
        if account.login in found:
            raise InputError(f"{where}: this login stands there twice", hint="leave one of them")
        if len(found) == _MAX_ACCOUNTS:
            raise InputError(f"{path} has more than {_MAX_ACCOUNTS} accounts", hint="split it")
        found[account.login] = account
    if not found:
        raise InputError(f"{path} holds no account", hint=_FORM)
    return tuple(found.values())


def _bytes(path: Path) -> bytes:
    try:
        # A pipe that nobody writes to would block here.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            _refuse_open(path, os.fstat(stream.fileno()))
            data = stream.read(_MAX_BYTES + 1)
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}", hint="name an accounts file") from e
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path} is larger than 1 MiB", hint="this is no accounts file")
    return data


def _refuse_open(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise InputError(f"{path} is no regular file", hint="name an accounts file")
    if facts.st_uid != os.geteuid():
        raise InputError(f"{path} belongs to another user", hint="passwords stand in one's own")
    if facts.st_mode & _OTHERS:
        mode = stat.S_IMODE(facts.st_mode)
        raise InputError(f"{path} is open to other users (mode {mode:04o})", hint="chmod 600 it")


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
    # Not in the handler: the error there holds the whole file.
    raise InputError(f"{path}:{line}: not UTF-8", hint="save it as UTF-8")


def _in_lines(path: Path, text: str) -> Iterator[tuple[str, str, str]]:
    first = True
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r").lstrip(" \t")
        if not line.strip() or line.startswith("#"):
            continue
        if not (first and _HEADING.fullmatch(line)):
            login, password = (*_SEPARATOR.split(line, maxsplit=1), "")[:2]
            yield f"{path}:{number}", login, password
        first = False


def _in_json(path: Path, text: str) -> Iterator[tuple[str, str, str]]:
    fault = ""
    rows: Any = ()
    try:
        rows = json.loads(text)
    except RecursionError:
        fault = f"{path} is nested too deeply"
    except ValueError as e:
        fault = f"{path}:{getattr(e, 'lineno', 1)}: not JSON"
    if fault:  # not in the handler: the error there holds the whole file
        raise InputError(fault, hint=_FORM)
    for number, row in enumerate(rows, 1):
        where = f"{path}: entry {number}"
        if not isinstance(row, dict) or row.keys() != {"login", "password"}:
            raise InputError(f"{where}: not a login and a password", hint="these two keys it has")
        if not all(isinstance(value, str) for value in row.values()):
            raise InputError(f"{where}: login and password are not both text", hint="quote them")
        yield where, row["login"], row["password"]


def _account(where: str, login: str, password: str) -> Account:
    if not login:
        raise InputError(f"{where}: no login", hint=_FORM)
    if not password:
        raise InputError(f"{where}: no password", hint=_FORM)
    if max(len(login), len(password)) > _MAX_LENGTH:
        raise InputError(f"{where}: longer than {_MAX_LENGTH} characters", hint=_FORM)
    try:
        (login + password).encode()
        return Account(login=login, password=Password(password))
    except ValueError as e:
        fault = "no Unicode" if isinstance(e, UnicodeError) else str(e)
    raise InputError(f"{where}: {fault}", hint=_FORM)
