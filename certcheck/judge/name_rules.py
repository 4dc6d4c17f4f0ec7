"""Rules about the host name itself: look-alike letters, and what no host name holds."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from certcheck.errors import listed
from certcheck.judge import served
from certcheck.judge.fault import Fault, rule
from certcheck.model.endpoint import Hostname
from certcheck.model.observation import Observation

_ANYWHERE = frozenset({"COMMON", "INHERITED"})  # digits, hyphens, accents: of every script
# Which scripts one label may mix: "highly restrictive" (UTS 39 5.2).
_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a name may not be the one that it looks like, and the letters that do not belong."""

    message: str
    letters: str


@rule(
    severity="warning", source="https://www.unicode.org/reports/tr39/#Restriction_Level_Detection"
)
def lookalike_name(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The host name may be another one than it looks like.

    One of its labels mixes scripts that do not belong together (a Cyrillic letter among Latin
    ones), or is wholly of letters of one other script that all look Latin, under a top-level
    domain that is not of that script. Japanese, Korean and Chinese with Latin letters are
    usual. The address is asked nevertheless.
    """
    if found := doubt(served.host(observation)):
        yield Fault(message=found.message, evidence=found.letters)


@rule(severity="warning", source="https://www.rfc-editor.org/rfc/rfc1123#section-2.1")
def underscore_in_name(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The host name holds an underscore, which the rules for host names do not allow.

    No public certificate authority names it in a certificate, and programs built on OpenSSL
    refuse it even under a wildcard; browsers and Apple accept it. The chain and the fingerprint
    are shown all the same.
    """
    host = served.host(observation)
    if "_" in host.ascii:
        yield Fault(
            message=f"{host} is no valid host name, because of the underscore: programs built on "
            "OpenSSL refuse it even under a wildcard certificate, browsers and Apple accept it, "
            "and no public certificate authority names it. Give customers a name without one.",
        )


def doubt(host: Hostname) -> Doubt | None:
    """Why the name may be another one than it looks like; None for a name without doubt."""
    *labels, last = host.unicode.split(".")
    if host.unicode.isascii():
        return None
    home = _scripts(last)
    return next(filter(None, (_doubt(each, home, host) for each in (*labels, last))), None)


def _doubt(label: str, home: frozenset[str], host: Hostname) -> Doubt | None:
    scripts = _scripts(label)
    if len(scripts) > 1 and not any(scripts <= group for group in _TOGETHER):
        own = _own(label, home)
        return _told(host, f"mixes {_named(own)} letters with others", _letters(label, {own}))
    if scripts and not scripts & (home | {"LATIN"}) and all(map(_looks_latin, _of(label, scripts))):
        return _told(host, f"looks Latin, but is {_named(*scripts)}", _letters(label, _ANYWHERE))
    return None


def _told(host: Hostname, what: str, letters: Sequence[str]) -> Doubt:
    return Doubt(
        message=f"The name {host} {what}: it may imitate another name, or be a slip of the "
        "keyboard. Compare it with the name that you mean, letter by letter, in its xn-- form.",
        letters=listed(letters, most=_SHOWN),
    )


def _own(label: str, home: frozenset[str]) -> str:
    # The script that the reader expects there: the top-level domain's, else the most frequent.
    counts = Counter(script for script in map(_script, label) if script not in _ANYWHERE)
    return max(counts, key=lambda script: (script in home, counts[script], script))


def _letters(label: str, known: frozenset[str] | set[str]) -> list[str]:
    foreign = (each for each in label if _script(each) not in {*known, *_ANYWHERE})
    return [f"{each} (U+{ord(each):04X}, {_called(each)})" for each in dict.fromkeys(foreign)]


def _called(letter: str) -> str:
    return unicodedata.name(letter, "without a name").capitalize()


def _named(*scripts: str) -> str:
    return " and ".join(sorted(script.capitalize() for script in scripts))


def _scripts(label: str) -> frozenset[str]:
    return frozenset(map(_script, label)) - _ANYWHERE


def _of(label: str, scripts: frozenset[str]) -> list[str]:
    return [each for each in label if _script(each) in scripts]


def _script(letter: str) -> str:
    from confusable_homoglyphs import categories

    return str(categories.alias(letter))


def _looks_latin(letter: str) -> bool:
    from confusable_homoglyphs import confusables

    found = confusables.is_confusable(letter, preferred_aliases=["latin"]) or []
    return any(
        len(twin["c"]) == 1 and twin["c"].isascii() and twin["c"].isalpha()
        for each in found
        for twin in each["homoglyphs"]
    )
