"""The clock of this host against the certificate authority's, by the Date of its answers."""

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from certcheck.errors import CaError
from certcheck.issue.patience import within

_TOLERATED = timedelta(minutes=5)  # a clock that NTP keeps is right to the second
_SECONDS = 10.0
_HINT = "set this host's clock: timedatectl shows it, timedatectl set-ntp true keeps it right"


def refuse_skew(headers: Mapping[str, str]) -> None:
    """Raise CaError when the Date of an answer is more than 5 minutes off (RFC 9110 6.6.1)."""
    theirs = _date(headers)
    if theirs is None:
        return
    ahead = datetime.now(UTC) - theirs
    if abs(ahead) > _TOLERATED:
        way = "ahead of" if ahead > timedelta() else "behind"
        raise CaError(
            f"this host's clock is {_told(abs(ahead))} {way} the certificate authority's (its Date"
            f" header says {theirs:%F %R} UTC)",
            hint=_HINT,
        )


def refuse_skew_at(directory: str) -> None:
    """As `refuse_skew`, of an authority whose certificate seems to be of another time.

    Its Date is asked for without looking at that certificate: nothing but the words of an error
    depends on it. An authority that does not answer is left to the caller.
    """
    headers: Mapping[str, str] = {}
    with suppress(requests.RequestException):
        headers = within(_SECONDS, lambda: _seen_blindly(directory))
    refuse_skew(headers)


def _seen_blindly(directory: str) -> Mapping[str, str]:
    # Not requests: its warning about this would reach the admin.
    url = urlsplit(directory)
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        str(url.hostname), url.port, timeout=_SECONDS, context=blind
    )
    try:
        connection.request("HEAD", url.path or "/")
        return dict(connection.getresponse().headers)
    except http.client.HTTPException as e:
        raise ValueError(str(e)) from e
    finally:
        connection.close()


def _date(headers: Mapping[str, str]) -> datetime | None:
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        date = parsedate_to_datetime(lower.get("date", "")).astimezone(UTC)
        return date + timedelta(seconds=int(lower.get("age", "0")[:9]))  # RFC 9111 5.1
    except (ValueError, OverflowError):
        return None


def _told(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)  # a Date has no fractions of a second
    days, hours = minutes // (24 * 60), minutes // 60 % 24
    if days:
        return f"{days} {'day' if days == 1 else 'days'} {hours} h"
    return f"{hours} h {minutes % 60} min"
