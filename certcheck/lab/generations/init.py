"""The first process of a namespace: it makes a system of it, and all ends when it ends.

A script of its own, with nothing but the standard library: `python -I -S init.py PIDFILE NAME TREE`
for a mail host, in new net, mount, pid, uts and ipc namespaces; `... PIDFILE NAME "" RESOLV_CONF`
for the client, in new net and mount namespaces. Its pid, as the machine counts, is in PIDFILE as
soon as everything is in place.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

_MERGED = Path("/mnt")
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_CHARACTER = 0o20666
_BIND = 4096  # mount(2)


def mount(source: str, target: Path, kind: str, flags: int = 0, data: str = "") -> None:
    """Put a file system, or with _BIND a file, at `target`; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [word.encode() for word in (source, str(target), kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), data.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"mount {kind or source} at {target}")


def furnish(tree: str) -> None:
    """A root of our own: the tree, unchanged, below what is written into memory."""
    # Seen only here: whoever is outside still finds his own /mnt.
    mount("tmpfs", _MERGED, "tmpfs")
    root = _MERGED / "root"
    for each in ("upper", "work", "root"):
        (_MERGED / each).mkdir()
    os.chdir(tree)  # a path in mount options would need quoting
    mount(
        "overlay", root, "overlay", 0, f"lowerdir=.,upperdir={_MERGED}/upper,workdir={_MERGED}/work"
    )
    root.chmod(0o755)
    mount("proc", root / "proc", "proc")
    for each in ("dev", "run"):
        mount("tmpfs", root / each, "tmpfs", 0, "mode=755")
    for name, minor in _DEVICES.items():
        os.mknod(root / "dev" / name, _CHARACTER, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)
    (root / "dev/shm").mkdir(mode=0o1777)
    os.chroot(root)
    os.chdir("/")


def tell(file: Path, pid: str) -> None:
    """Write the pid into the file, which is there whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_text(pid)
    fresh.rename(file)


def stay() -> None:
    """Collect whatever dies here, until SIGTERM."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        select.select([reader], [], [])
        os.read(reader, 4096)
        collect()


def collect() -> None:
    """Reap the dead."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def main(file: str, name: str, tree: str, resolv_conf: str = "") -> None:
    """Set the namespace up, say so, and stay."""
    # Before anything is mounted, /proc is that of the machine.
    pid = str(Path("/proc/self").readlink())
    os.umask(0o022)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    parent = os.open(Path(file).parent, os.O_PATH)
    if tree:
        libc = ctypes.CDLL(None)
        libc.sethostname(name.encode(), len(name))
        furnish(tree)
    elif Path("/etc/resolv.conf").exists():
        mount(resolv_conf, Path("/etc/resolv.conf"), "", _BIND)
    os.fchdir(parent)
    tell(Path(Path(file).name), pid)
    os.chdir("/")
    os.close(parent)
    stay()


if __name__ == "__main__":
    main(*sys.argv[1:])
