"""A server that is a program of its own: OpenSSL's."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from certcheck.probe.reply import Reply, reply
from tests.zoo.identities import identity
from tests.zoo.keeper import Place


@contextlib.contextmanager
def s_server(folder: Path, *options: str) -> Iterator[Place]:
    """OpenSSL's own server, which answers each line with the line backwards."""
    pair = folder / "pair.pem"
    pair.write_bytes(identity().key_first)
    argv = ["openssl", "s_server", "-rev", "-accept", "127.0.0.1:0", "-key", str(pair)]
    with subprocess.Popen(
        [*argv, "-cert", str(pair), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        assert server.stdout
        try:
            told = next(line for line in server.stdout if line.startswith(b"ACCEPT "))
            yield Place(int(told.rpartition(b":")[2]), "127.0.0.1", lambda: 0)
        finally:
            server.kill()
            server.communicate()


def asked(place: Place, data: bytes) -> Reply | None:
    """What a server says to a hello, up to all that comes in clear, or its end."""
    heard = b""
    with socket.create_connection((place.address, place.port), timeout=10) as sock:
        sock.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65536):
                heard += more
                said = reply(heard)
                if said and said.complete:
                    break
    return reply(heard)
