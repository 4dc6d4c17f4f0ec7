"""The ACME account: one key for each certificate authority, created once and kept."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acme import messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from certcheck import x509
from certcheck.errors import CaError, Obstacle
from certcheck.issue.answer import https_url, json_object, one_line
from certcheck.issue.authority import Authority
from certcheck.issue.client import Conversation
from certcheck.store import private


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the authority knows it, and as `account.json` keeps it."""

    uri: str
    directory: str
    contact: tuple[str, ...] = ()


def account_home(state: Path, directory: str) -> Path:
    """The directory of the account at the authority with this directory URL."""
    host = urlsplit(directory).hostname or ""
    slug = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:60]
    return state / "accounts" / f"{slug}-{hashlib.sha256(directory.encode()).hexdigest()[:12]}"


def account_key(state: Path, directory: str) -> JWKEC:
    """The account's key (ECDSA P-256, RFC 8555 6.2), made and written at the first call.

    The caller holds the store's lock. Raises Obstacle when the file or its directory is not ours
    alone, cannot be read or cannot be written.
    """
    home = account_home(state, directory)
    private.directory(state)
    for each in (home.parent, home):
        _refuse_link(each)
        private.directory(each)
    file = home / "key.pem"
    if not os.path.lexists(file):
        private.replace(file, x509.new_key("ecdsa"))
    return _parsed_key(private.read(file), file)


def registered(
    talk: Conversation, authority: Authority, state: Path, progress: Callable[[str], None]
) -> Account:
    """The account of the network's key, which `talk` names itself by from here on.

    The kept account is asked for; where the authority has none (any more), one is created with the
    same key (RFC 8555 7.3.1). Raises CaError and acme's own errors.
    """
    file = account_home(state, authority.directory) / "account.json"
    kept = _kept(file)
    uri = (_existing(talk) if kept else None) or _created(talk, authority, progress)
    talk.net.account = messages.RegistrationResource(body=messages.Registration(), uri=uri)
    wanted = _contact(authority)
    if kept and wanted and kept.contact != wanted:
        talk.send(uri, messages.Registration(contact=wanted))
    account = Account(uri=uri, directory=authority.directory, contact=wanted)
    if account != kept:
        private.replace(file, json.dumps(asdict(account), indent=1).encode() + b"\n")
    return account


def _existing(talk: Conversation) -> str | None:
    # The URI is the authority's to tell, so the question goes by the key alone.
    try:
        return _uri(talk, messages.Registration(only_return_existing=True))
    except messages.Error as e:
        if e.code != "accountDoesNotExist":
            raise
        return None


def _created(talk: Conversation, authority: Authority, progress: Callable[[str], None]) -> str:
    terms = talk.directory.meta.terms_of_service
    agreed = f", its terms of service are {one_line(terms)}" if terms else ""
    progress(f"creating an account at {authority.directory}{agreed}")
    details: dict[str, Any] = {"terms_of_service_agreed": True}
    if contact := _contact(authority):
        details["contact"] = contact
    if authority.eab_kid is not None and authority.eab_key is not None:
        details["external_account_binding"] = messages.ExternalAccountBinding.from_data(
            account_public_key=talk.net.key.public_key(),
            kid=authority.eab_kid,
            hmac_key=authority.eab_key,
            directory=talk.directory,
        )
    # RFC 8555 7.3.1: where the key is known, and only our account.json was lost, it is found.
    return _uri(talk, messages.NewRegistration(**details))


def _uri(talk: Conversation, account: messages.Registration) -> str:
    response = talk.send(talk.directory["newAccount"], account)
    status = json_object(response).get("status", "valid")
    place = response.headers.get("Location")
    if not place:  # RFC 8555 7.3: a must
        raise CaError("the certificate authority does not name our account")
    uri = https_url(place)
    if status != "valid":
        raise CaError(
            f"the ACME account {uri} is {one_line(status)!a}",
            hint="move its directory below state/accounts away to get a new account",
        )
    return uri


def _contact(authority: Authority) -> tuple[str, ...]:
    return (f"mailto:{authority.email}",) if authority.email else ()


def _kept(file: Path) -> Account | None:
    if not os.path.lexists(file):
        return None
    try:
        told = json.loads(private.read(file))
        return Account(
            uri=str(told["uri"]), directory=str(told["directory"]), contact=tuple(told["contact"])
        )
    except (ValueError, KeyError, TypeError):
        return None  # the key is what counts: the rest is asked for again


def _parsed_key(pem: bytes, file: Path) -> JWKEC:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        # `from None`: the text of a parser's error must not carry a piece of the key.
        raise Obstacle(
            f"{file} is not an ECDSA P-256 key",
            hint="restore it, or move its directory away to get a new account",
        ) from None
    return JWKEC(key=ComparableECKey(key))


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        raise Obstacle(f"{folder} is a symbolic link", hint="look at who put it there")
