"""What can go wrong on purpose: every error that certcheck itself raises.

A *bug* crashes; a *fact* (a refused connection) is an Observation; an *obstacle* is one of these::

    CertcheckError
    ├── InputError    2  usage, configuration, input file, bad name
    ├── Obstacle      3  could not be done, and nothing was changed
    │   ├── LockHeld         another run holds the store
    │   ├── CaError          the certificate authority is unreachable or refuses
    │   ├── UnfitBundle      the bundle must not reach a server: wrong key, chain, names or dates
    │   └── ServerError      a mail server's own tools refuse
    ├── Undone        4  something was changed, and everything was put back
    └── Stranded      5  something was changed, and the way back failed
"""

from collections.abc import Sequence


class CertcheckError(Exception):
    """An obstacle that an admin can act on: `message` says what and where, `hint` what next."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(CertcheckError):
    """What the user gave cannot be used: an option, a configuration file, a name."""

    exit_code = 2


class Obstacle(CertcheckError):
    """It could not be done, and nothing was changed."""


class LockHeld(Obstacle):
    """Another run holds the lock of the store."""


class CaError(Obstacle):
    """The certificate authority cannot be reached, or refuses."""


class UnfitBundle(Obstacle):
    """The bundle must not reach a server: key, chain, names or dates do not fit."""


class ServerError(Obstacle):
    """A mail server's own configuration or tool refuses."""


class Undone(CertcheckError):
    """Something was changed, did not hold, and was put back."""

    exit_code = 4


class Stranded(CertcheckError):
    """Something was changed, and the way back failed: an admin must look now."""

    exit_code = 5


def listed(texts: Sequence[str], *, most: int, between: str = ", ") -> str:
    """`a, b and 3 more`, for messages: a list from outside may be of any length."""
    more = len(texts) - most
    return between.join(texts[:most]) + (f" and {more} more" if more > 0 else "")
