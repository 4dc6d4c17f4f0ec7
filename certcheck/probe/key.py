"""An account's password on its way to a server, and what the server's answer means."""

import base64
import re
from typing import Literal

from certcheck.model.account import Account
from certcheck.probe.wire import shown

NoEntry = Literal["refused", "unavailable", "not_seen"]

# RFC 5530, RFC 3206, RFC 2449 8.1.1, RFC 5804 1.3: whose fault it is, by the server's own code.
_REFUSED = frozenset({b"AUTHENTICATIONFAILED", b"AUTHORIZATIONFAILED", b"EXPIRED", b"AUTH"})
_UNAVAILABLE = frozenset(
    {b"UNAVAILABLE", b"SERVERBUG", b"INUSE", b"LIMIT", b"TRYLATER", b"SYS/TEMP", b"SYS/PERM"}
)
_BUSY = frozenset({b"IN-USE", b"LOGIN-DELAY"})
_CODE = re.compile(rb"\S+ [\[(]([A-Za-z/-]+)[^\])]*[\])]")
# The words of servers that give no code.
_TROUBLE = re.compile(
    rb"temporar|try again|\blater\b|unavailable|not available|(internal|system|server) error",
    re.IGNORECASE,
)
_LOCKED = re.compile(
    rb"\bin use\b|\bbusy\b|another session|(maildrop|mailbox)\b.*\block", re.IGNORECASE
)


class NotIn(Exception):  # noqa: N818 - nothing went wrong: the door stays shut
    """The server lets this account not in; it never leaves this room."""

    def __init__(self, outcome: NoEntry, detail: str, *, busy: bool = False) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.busy = busy


class Key:
    """An account for one kind of service; `used` says that the password may have left us."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.login = account.login
        self.used = False

    def plain(self) -> bytes:
        """The message of SASL PLAIN (RFC 4616) in Base64; a master says whose mailbox it opens."""
        account = self._account
        owner, login = (account.mailbox, account.master) if account.master else ("", account.login)
        self.used = True
        return base64.b64encode(f"{owner}\0{login}\0{account.password.reveal()}".encode())

    def password(self) -> bytes:
        """The password in UTF-8."""
        self.used = True
        return self._account.password.reveal().encode()

    def quoted(self, line: bytes) -> str:
        """A server's line for a person to read; should it repeat the password, without that."""
        return shown(re.sub(b"|".join(map(re.escape, self._secrets())), b"...", line))

    def _secrets(self) -> list[bytes]:
        password = self._account.password.reveal().encode()
        in_quotes = password.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        forms = {password, in_quotes, base64.b64encode(password), self._plain_again()}
        return sorted(forms, key=len, reverse=True)  # the longest is looked for first

    def _plain_again(self) -> bytes:
        used, message = self.used, self.plain()
        self.used = used
        return message

    def no(self, line: bytes) -> NotIn:
        """What a refusal means that came in answer to the password."""
        found = _CODE.match(line)
        code = found[1].upper() if found else b""
        told = self.quoted(line)
        if code in _BUSY or (not code and _LOCKED.search(line)):
            return NotIn("not_seen", told, busy=True)
        if code in _UNAVAILABLE or (code not in _REFUSED and _TROUBLE.search(line)):
            return NotIn("unavailable", told)
        return NotIn("refused", told)
