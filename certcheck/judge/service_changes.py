"""What differs in a server's own words: capabilities, ways to log in, the size limit, greeting."""

import re
from collections.abc import Iterable, Iterator

from certcheck.errors import listed
from certcheck.judge.clientele import HARMLESS, of_capabilities, of_mechanisms
from certcheck.judge.difference import Difference
from certcheck.model.endpoint import Protocol
from certcheck.model.observation import Observation
from certcheck.targets import endpoint

_SHOWN = 6
# SASL mechanisms that send the secret itself (RFC 4616, RFC 7628), and the command of IMAP.
_IN_CLEAR = frozenset({"PLAIN", "LOGIN", "LOGIN command", "XOAUTH2", "OAUTHBEARER"})
_MIB = 1024 * 1024
# What other fields tell of: how to log in, how large a message may be, whether TLS is offered.
_TOLD_ELSEWHERE = re.compile(r"(AUTH|SASL|SIZE|STARTTLS|STLS|LOGINDISABLED)\b", re.IGNORECASE)
_IN_GREETING = re.compile(r"\[CAPABILITY [^\]]*\] ?", re.IGNORECASE)


def auth_before_tls(before: Observation, after: Observation) -> Iterator[Difference]:
    """Passwords in the clear: what is offered before TLS, and IMAP's LOGINDISABLED gone."""
    was, now = _in_clear(before), _in_clear(after)
    new, gone = now - was, was - now
    if new:
        yield Difference(
            field="auth_before_tls",
            before=_sorted(was),
            after=_sorted(now),
            class_="weakened",
            message=f"logging in is offered before TLS ({', '.join(_sorted(new))}): "
            "programs that are set to no encryption send "
            f"{'passwords' if new & _IN_CLEAR else 'mail'} in the clear",
            single=new,
        )
    elif gone:
        yield Difference(
            field="auth_before_tls",
            before=_sorted(was),
            after=_sorted(now),
            class_="lost",
            message="logging in without TLS is gone: programs set to no encryption can no longer "
            "log in",
            single=gone,
        )


def auth_after_tls(before: Observation, after: Observation) -> Iterator[Difference]:
    """The SASL mechanisms inside TLS."""
    was, now = _upper(before.capabilities.auth_after_tls), _upper(after.capabilities.auth_after_tls)
    gone, new = was - now, now - was
    if not (gone or new):
        return
    names = ", ".join(_sorted(gone or new))
    lost = (
        f"AUTH {names} is gone: {of_mechanisms(_sorted(gone))} can no longer log in"
        if now
        else f"AUTH is gone ({names}): nobody can log in here any more"
    )
    yield Difference(
        field="auth_after_tls",
        before=_sorted(was),
        after=_sorted(now),
        class_="lost" if gone else "gained",
        message=lost if gone else f"AUTH {names} is new",
        single=gone | new,
    )


def capabilities(before: Observation, after: Observation) -> Iterator[Difference]:
    """What else the server says that it can do, as sets: the order means nothing."""
    protocol = endpoint(after.endpoint).protocol
    for field in ("before_tls", "after_tls"):
        was = _words(getattr(before.capabilities, field), protocol)
        now = _words(getattr(after.capabilities, field), protocol)
        # One that was never asked there says nothing, such as implicit TLS before TLS.
        if was and now and was != now:
            yield _of_words(field, was, now)


def size(before: Observation, after: Observation) -> Iterator[Difference]:
    """The largest message that SMTP takes, in bytes (RFC 1870); 0 says that there is no limit."""
    was, now = before.capabilities.size, after.capabilities.size
    if was is None or now is None or was == now:
        return
    smaller = now != 0 and (was == 0 or now < was)
    limit = f"messages up to {_mib(now)}" if now else "messages of any size"
    yield Difference(
        field="size",
        before=was,
        after=now,
        class_="weakened" if smaller else "gained",
        message=f"the largest message is {_mib(now)} now, {_mib(was) if was else 'no limit'} "
        "before: larger mail, such as with photos attached, is refused"
        if smaller
        else f"{limit} are taken now, {_mib(was)} before",
        single=frozenset({str(now)}),
    )


def greeting(before: Observation, after: Observation) -> Iterator[Difference]:
    """What the server says first: the host name in SMTP counts, other words are cosmetic."""
    was, now = _greeting(before), _greeting(after)
    if was == now or not (was and now):
        return
    old, new = _own_name(was), _own_name(now)
    renamed = endpoint(after.endpoint).protocol == "smtp" and old.lower() != new.lower()
    yield Difference(
        field="greeting",
        before=was,
        after=now,
        class_="weakened" if renamed else "expected",
        message=f"the server calls itself {new} now, {old} before: if it sends mail by that name, "
        "receivers may refuse it (RFC 5321 4.1.1.1)"
        if renamed
        else "the text of the greeting differs, which no mail program reads",
        single=frozenset({now}),
    )


def _of_words(field: str, was: frozenset[str], now: frozenset[str]) -> Difference:
    gone, new = was - now, now - was
    harmful = [word for word in _sorted(gone) if word.partition(" ")[0] not in HARMLESS]
    where = "before TLS" if field == "before_tls" else "inside TLS"
    if harmful:
        who = of_capabilities(harmful) or "programs that make use of it may notice"
        message = f"{listed(harmful, most=_SHOWN)} is no longer offered {where}: {who}"
    elif gone:
        names = listed(_sorted(gone), most=_SHOWN)
        message = f"{names} is no longer offered {where}, which no mail program needs"
    else:
        message = f"{listed(_sorted(new), most=_SHOWN)} is offered {where} now"
    return Difference(
        field=field,
        before=_sorted(was),
        after=_sorted(now),
        class_="lost" if harmful else "expected" if gone else "gained",
        message=message,
        single=gone | new,
    )


def _words(said: Iterable[str], protocol: Protocol) -> frozenset[str]:
    words = (word for word in said if not _TOLD_ELSEWHERE.match(word))
    upper = (" ".join(word.upper().split()) for word in words)
    if protocol != "sieve":
        return frozenset(upper)
    return frozenset(single for word in upper for single in _single(word))


def _single(word: str) -> Iterator[str]:
    # RFC 5804 1.7: SIEVE and NOTIFY hold lists; the other values are one thing each.
    name, _, value = word.partition(" ")
    if name == "IMPLEMENTATION":
        yield name
    elif name in {"SIEVE", "NOTIFY"} and value:
        yield from (f"{name} {each}" for each in value.split())
    else:
        yield word


def _in_clear(observation: Observation) -> frozenset[str]:
    # RFC 9051 7.2.2: without LOGINDISABLED the command LOGIN is open.
    said = observation.capabilities
    words = _upper(said.before_tls)
    imap = endpoint(observation.endpoint).protocol == "imap" and bool(words)
    login = {"LOGIN command"} if imap and "LOGINDISABLED" not in words else set()
    return _upper(said.auth_before_tls) | login


def _upper(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.upper() for word in words)


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words))


def _greeting(observation: Observation) -> str:
    return _IN_GREETING.sub("", observation.capabilities.greeting)


def _own_name(text: str) -> str:
    # RFC 5321 4.2: `220 mail.example.org ESMTP`, where postscreen may have put a dash.
    words = text.split(maxsplit=2)
    return words[1] if len(words) > 1 else ""


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB else f"{size} bytes"
