"""The two http-01 solvers: an own listener, and a directory that a web server publishes."""

import errno
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os.path import lexists
from pathlib import Path

from certcheck.errors import InputError, Obstacle
from certcheck.host.door import Host
from certcheck.issue.responder import Responder
from certcheck.issue.solver import Challenge, ChallengeSolver
from certcheck.store import crash

HTTP_PORT = 80  # RFC 8555 8.3

_FOLDERS = (".well-known", ".well-known/acme-challenge")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")  # RFC 8555 8.3: the base64url alphabet, nothing else
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - RFC 8555 8.3: the authority comes from anywhere
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


class Listener:
    """Answers http-01 itself, on `port` of all addresses, while a challenge is presented.

    Only the paths of presented tokens exist. Raises Obstacle when it cannot listen. One listener
    serves all challenges of an order, one order at a time.
    """

    kind = "http-01"

    def __init__(self, port: int, addresses: Sequence[str] = _EVERYWHERE) -> None:
        self._port = port
        self._addresses = tuple(addresses)
        self._answers: dict[str, str] = {}
        self._running = ExitStack()

    @property
    def place(self) -> str:
        """The port."""
        return json.dumps({"port": self._port})

    @contextmanager
    def presented(self, challenge: Challenge) -> Iterator[None]:
        """A context in which the token's path gives the key authorization."""
        token = _checked_token(challenge.token)
        if not self._answers:
            self._start()
        self._answers[token] = challenge.key_authorization
        try:
            yield
        finally:
            self.take_down(challenge)

    def take_down(self, challenge: Challenge) -> None:
        """Answer no more; a listener of another process ended with it."""
        self._answers.pop(challenge.token, None)
        if not self._answers:
            self._running.close()

    def ready(self) -> None:
        """As the protocol says: at once."""

    def _start(self) -> None:
        with ExitStack() as starting:
            bound = [self._bound(address, starting) for address in self._addresses]
            if not any(bound):
                raise _cannot_listen(self._port, OSError(errno.EADDRNOTAVAIL, "no such address"))
            self._running = starting.pop_all()

    def _bound(self, address: str, running: ExitStack) -> bool:
        try:
            server = Responder(address, self._port, self._answers)
        except OSError as e:
            if ":" in address and e.errno in _NO_IPV6:  # a host without IPv6 is served by IPv4
                return False
            raise _cannot_listen(self._port, e) from e
        running.callback(server.server_close)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.callback(server.shutdown)
        return True


class Webroot:
    """Puts http-01 tokens into a directory that a web server publishes at `/`.

    Raises InputError when `directory` is none, Obstacle when it cannot write there. Directories
    below it that it made itself (`made`, by an earlier run) are removed with the last token.
    """

    kind = "http-01"

    def __init__(self, directory: Path, made: Sequence[str] = ()) -> None:
        self._directory = directory.absolute()
        self._made = [each for each in _FOLDERS if each in made]

    @property
    def place(self) -> str:
        """The directory, and which directories below it are or will be of its own making."""
        own = [e for e in _FOLDERS if e in self._made or not lexists(self._directory / e)]
        return json.dumps({"webroot": str(self._directory), "made": own})

    @contextmanager
    def presented(self, challenge: Challenge) -> Iterator[None]:
        """A context in which the token's file stands in the directory."""
        token = _checked_token(challenge.token)
        if not self._directory.is_dir():
            raise InputError(
                f"webroot {self._directory} is not a directory",
                hint="give the directory that the web server publishes at /",
            )
        try:
            self._put_up(token, challenge.key_authorization.encode())
            yield
        finally:
            self.take_down(challenge)

    def take_down(self, challenge: Challenge) -> None:
        """Remove the token's file, and the directories of its own making that are empty then."""
        folder = self._directory / _FOLDERS[-1]
        if _TOKEN.fullmatch(challenge.token):  # no other token was ever put up
            for file in (folder / challenge.token, *folder.glob(f".{challenge.token}.*")):
                _remove(file)
        self._made = [e for e in reversed(self._made) if not _removed(self._directory / e)][::-1]

    def ready(self) -> None:
        """As the protocol says: at once."""

    def _put_up(self, token: str, content: bytes) -> None:
        try:
            for each in _FOLDERS:
                if _newly_made(self._directory / each):
                    self._made.append(each)
            _publish(self._directory / _FOLDERS[-1] / token, content)
        except OSError as e:
            raise Obstacle(
                f"cannot write below webroot {self._directory}: {e.strerror}",
                hint="run as the user who owns it, or use --http-port",
            ) from e


def solver(place: str, host: Host) -> ChallengeSolver:
    """The solver that called its place so, as far as taking down goes; raises ValueError."""
    del host  # a web root is a directory of this machine
    match json.loads(place):
        case {"webroot": str(directory), "made": [*made]}:
            return Webroot(Path(directory), made)
        case {"port": int(port)}:
            return Listener(port)
        case _:
            raise ValueError(f"{place!r} is no place of http-01")


def _checked_token(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise Obstacle(
            f"the certificate authority sent the challenge token {token[:80]!a}, which is none",
            hint="a token is base64url (RFC 8555 8.3); nothing was written",
        )
    return token


def _cannot_listen(port: int, error: OSError) -> Obstacle:
    ways = "use --http-port behind a redirect, or --webroot DIR"
    match error.errno:
        case errno.EADDRINUSE:
            why, hint = "it is in use", f"another program listens on port {port}: {ways}"
        case errno.EACCES | errno.EPERM:
            why, hint = "this user may not", f"run as root, or {ways}"
        case _:
            why, hint = error.strerror or str(error), ways
    return Obstacle(f"cannot listen on port {port} for http-01: {why}", hint=hint)


def _newly_made(folder: Path) -> bool:
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    folder.chmod(0o755)  # the web server must get in, whatever the umask
    crash.point()
    return True


def _remove(file: Path) -> None:
    try:
        if not stat.S_ISDIR(file.lstat().st_mode):  # a directory is nothing that we put there
            file.unlink()
            crash.point()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as e:
        raise Obstacle(f"cannot remove {file}: {e.strerror}", hint="remove it by hand") from e


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # another program's token is in it
        return False
    crash.point()
    return True


def _publish(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(new, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(content)
        crash.point()
        new.replace(path)
        crash.point()
    finally:
        new.unlink(missing_ok=True)
