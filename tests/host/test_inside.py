"""A mail host that is a container or namespace of this machine: its own paths, its own programs."""

import hashlib
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.host.local import LocalHost


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a system with a certificate behind an absolute link."""
    place = tmp_path / "root"
    for folder in ("etc/tls", "var/lib/certs"):
        (place / folder).mkdir(parents=True)
    (place / "var/lib/certs/mail.pem").write_bytes(b"inside")
    (place / "etc/tls/mail.pem").symlink_to("/var/lib/certs/mail.pem")
    (place / "etc/up.pem").symlink_to("../../../../var/lib/../lib/certs/mail.pem")
    (place / "etc/loop.pem").symlink_to("loop.pem")
    (place / "certs").symlink_to("/var/lib/certs")
    return place


def _inside(root: Path) -> LocalHost:
    return LocalHost(enter=("env", "WHERE=inside"), root=root)


@pytest.mark.parametrize("path", ["/etc/tls/mail.pem", "/etc/up.pem", "/certs/mail.pem"])
def test_links_lead_to_where_they_lead_in_there(root: Path, path: str) -> None:
    state = _inside(root).read(Path(path))

    assert state.data == b"inside"
    assert state.path == Path("/var/lib/certs/mail.pem")


def test_a_file_is_replaced_in_there_and_the_link_to_it_stays(root: Path) -> None:
    host, path = _inside(root), Path("/etc/tls/mail.pem")
    old = host.read(path)

    host.replace(path, b"new", expecting=old.sha256, like=old)

    assert (root / "var/lib/certs/mail.pem").read_bytes() == b"new"
    assert (root / "etc/tls/mail.pem").is_symlink()
    assert not Path("/var/lib/certs/mail.pem").exists()


def test_what_has_changed_meanwhile_is_left_alone(root: Path) -> None:
    host, path = _inside(root), Path("/etc/tls/mail.pem")
    old = host.read(path)
    (root / "var/lib/certs/mail.pem").write_bytes(b"other")

    with pytest.raises(Obstacle, match="has changed since"):
        host.replace(path, b"new", expecting=old.sha256, like=old)

    assert (root / "var/lib/certs/mail.pem").read_bytes() == b"other"


@pytest.mark.parametrize("path", ["/etc/loop.pem", "/etc/none.pem", "/etc/tls"])
def test_what_cannot_be_read_in_there_is_told(root: Path, path: str) -> None:
    with pytest.raises(Obstacle, match=f"cannot read {path}"):
        _inside(root).read(Path(path))


def test_a_program_is_run_behind_the_words_that_lead_in_there(root: Path) -> None:
    done = _inside(root).run(["sh", "-c", "echo $WHERE"])

    assert (done.code, done.stdout) == (0, "inside\n")


def test_a_file_is_the_one_in_there_through_proc(root: Path) -> None:
    # /proc/PID/root is a link that only the kernel can follow.
    host = LocalHost(enter=("env",), root=Path("/proc/self/root"))
    path = root / "etc/tls/mail.pem"
    (root / "etc/plain.pem").write_bytes(b"plain")

    state = host.read(root / "etc/plain.pem")

    assert state.sha256 == hashlib.sha256(b"plain").hexdigest()
    assert path.is_symlink()
