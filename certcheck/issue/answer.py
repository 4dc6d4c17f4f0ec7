"""The door for what an authority says: JSON of RFC 8555's types, HTTPS URLs, text on one line."""

import re
from typing import Any

import requests
from josepy.errors import DeserializationError

from certcheck.errors import CaError

_LONGEST = 400
_DEEPEST = 8  # an order's problem with its subproblems and their identifiers is 4 deep
_URL = re.compile(r"https://[!-~]+")  # RFC 8555 6.1, RFC 3986 2

_TEXT = {
    *("newNonce", "newAccount", "newOrder", "termsOfService"),
    *("status", "expires", "finalize", "certificate", "url", "token"),
    *("type", "value", "title", "detail", "caaIdentity"),
}
_OBJECT = {"meta", "identifier", "challenge", "error"}
_LIST_OF = {
    "authorizations": "url",
    "caaIdentities": "caaIdentity",
    "challenges": "challenge",
    "identifiers": "identifier",
    "subproblems": "error",
}
_KNOWN = _TEXT | _OBJECT | _LIST_OF.keys() | {"wildcard"}


def json_object(response: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer: the fields that we know, each of its type in RFC 8555.

    A field that is null is left out. Raises jose's DeserializationError for anything else.
    """
    try:
        told = response.json()
    except (ValueError, RecursionError) as e:  # a number of 5000 digits is a ValueError, too
        raise DeserializationError("it is not JSON") from e
    if not isinstance(told, dict):
        raise DeserializationError("it is JSON, but not an object")
    return _known(told, 0)


def https_url(text: object) -> str:
    """A URL that the authority names; raises CaError when it is not HTTPS."""
    if not _URL.fullmatch(str(text)):
        raise CaError(
            f"the certificate authority names a URL that is not HTTPS: {str(text)[:200]!a}"
        )
    return str(text)


def one_line(text: str, *, longest: int = _LONGEST) -> str:
    """Text from outside without line breaks and control characters, and not endless."""
    flat = " ".join(text.split())
    shown = "".join(each if each.isprintable() else "?" for each in flat[:longest])
    return shown if len(flat) <= longest else f"{shown}…"


def _known(told: dict[str, Any], depth: int) -> dict[str, Any]:
    fields = {name: told[name] for name in told.keys() & _KNOWN if told[name] is not None}
    return {name: _typed(name, value, depth) for name, value in fields.items()}


def _typed(name: str, value: object, depth: int) -> object:
    match value:
        case str() if name in _TEXT:
            return value.encode("utf-8", "replace").decode()  # JSON may hold half a character
        case bool() if name == "wildcard":
            return value
        case int() if name == "status":  # RFC 7807 3.1: a problem's is a number
            return str(value)
        case dict() if name in _OBJECT and depth < _DEEPEST:
            return _known(value, depth + 1)
        case list() if name in _LIST_OF:
            return [_typed(_LIST_OF[name], each, depth) for each in value]
    raise DeserializationError(f"{name} is of another type")
