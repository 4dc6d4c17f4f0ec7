"""Which certificate authority is asked, and who we are to it."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from certcheck.errors import InputError

_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*[A-Za-z0-9_-]{2,4}={0,2}")
_MAX_KEY_FILE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An ACME directory, what its HTTPS is trusted by, and the account's particulars.

    `ca_file` replaces the public roots for the authority's own HTTPS. `eab_kid` and `eab_key`
    (base64url) belong together (RFC 8555 7.3.4). `preferred_chain` is the common name of the issuer
    at the top of the wanted chain.
    """

    directory: str
    ca_file: Path | None = None
    email: str | None = None
    eab_kid: str | None = None
    eab_key: str | None = field(default=None, repr=False)
    preferred_chain: str | None = None


def eab_key(file: Path) -> str:
    """The HMAC key of an external account binding, as base64url text; raises InputError."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_KEY_FILE).decode("ascii").strip()
    except OSError as e:
        raise InputError(
            f"eab_key_file {file} cannot be read: {e.strerror}", hint="look at the path"
        ) from e
    except UnicodeDecodeError:
        text = ""
    if not _BASE64URL.fullmatch(text):
        raise _no_hmac_key(f"eab_key_file {file}")
    return text


def checked(authority: Authority) -> Authority:
    """The authority itself, when it can be used at all; raises InputError before any request."""
    _check_url(authority.directory)
    if (authority.eab_kid is None) != (authority.eab_key is None):
        raise InputError(
            "external account binding needs both eab_kid and eab_key_file",
            hint="the certificate authority hands out both together",
        )
    if authority.eab_key is not None and not _BASE64URL.fullmatch(authority.eab_key):
        raise _no_hmac_key("the external account binding key")
    if authority.ca_file is not None:
        _check_ca_file(authority.ca_file)
    return authority


def _check_url(directory: str) -> None:
    try:
        url = urlsplit(directory)
        usable = url.scheme == "https" and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:  # RFC 8555 6.1: HTTPS, always
        raise InputError(
            f"{directory!r} is not the URL of an ACME directory", hint="it begins with https://"
        )


def _check_ca_file(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError as e:
        raise InputError(
            f"ca_file {file} holds no certificate that can be read",
            hint="it must hold the root of the ACME server's own HTTPS, as PEM",
        ) from e
    except OSError as e:
        raise InputError(
            f"ca_file {file} cannot be read: {e.strerror}", hint="look at the path"
        ) from e


def _no_hmac_key(where: str) -> InputError:
    return InputError(f"{where} is not base64url", hint="copy the HMAC key as it was handed out")
