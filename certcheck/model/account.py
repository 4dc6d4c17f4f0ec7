"""Who may open a mailbox, and a password that shows itself to nobody."""

from dataclasses import dataclass


class Password:
    """A password; only `reveal` tells it, and no text, error or document that holds this does."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The password itself, to be sent and not to be kept."""
        return self._text

    def __repr__(self) -> str:
        return "Password(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a password is not written anywhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A login with its password.

    `alice@example.org*admin` is Dovecot's master user `admin`, who opens the mailbox of alice.
    """

    login: str
    password: Password

    def __post_init__(self) -> None:
        """Raises ValueError where a line break or the like would end a command (no text of it)."""
        if not self.login or not self.password.reveal():
            raise ValueError("a login or a password is empty")
        if any(map(_controls, self.login + self.password.reveal())):
            raise ValueError("control characters in a login or a password")

    @property
    def mailbox(self) -> str:
        """Whose mailbox it is."""
        return self.login.rpartition("*")[0] or self.login

    @property
    def master(self) -> str | None:
        """Who opens it, where that is somebody else."""
        owner, _, master = self.login.rpartition("*")
        return master if owner and master else None


def _controls(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0  # noqa: PLR2004 - C0, DEL and C1
