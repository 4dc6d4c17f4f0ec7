"""The machine and the versions that the figures belong to: never a path or a host name."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import sslyze

_VERSION = re.compile(r"\d+(?:\.\d+)+\w*(?:[-+][\w.+]+)?")
_ASKED = {
    "Dovecot": ("dovecot", "--version"),
    "Postfix": ("postconf", "-h", "mail_version"),
    "OpenSSL": ("openssl", "version"),
    "nmap": ("nmap", "--version"),
    "sslscan": ("sslscan", "--version"),
}
_PACKAGES = {"testssl.sh": "testssl.sh"}


def described() -> list[tuple[str, str]]:
    """What it is, and which, line by line."""
    return [
        ("processor", f"{_model()}, {len(os.sched_getaffinity(0))} cores used"),
        ("memory", f"{_memory_gb():.0f} GB"),
        ("kernel", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("Python", platform.python_version()),
        *((name, _version(_said(argv))) for name, argv in _ASKED.items()),
        *((name, _version(_said(_dpkg(package)))) for name, package in _PACKAGES.items()),
        ("sslyze", sslyze.__version__.__version__),
    ]


def load() -> str:
    """The load of the last minute, before anything is measured."""
    return f"{os.getloadavg()[0]:.1f}"


def has_jsonl() -> bool:
    """Whether `certcheck fingerprints` streams its result."""
    done = _said((sys.executable, "-m", "certcheck", "fingerprints", "--help"))
    return "--jsonl" in done


def _model() -> str:
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _dpkg(package: str) -> tuple[str, ...]:
    return ("dpkg-query", "-W", "-f", "${Version}", package)


def _version(text: str) -> str:
    found = _VERSION.search(text)
    return found[0] if found else "missing"


def _said(argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout
