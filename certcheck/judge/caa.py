"""Whether CAA records let a certificate authority issue for a name (RFC 8659, RFC 8657)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from certcheck.model.record import Caa

# The registry "Certification Authority Restriction Properties" (IANA). Whether the authority knows
# all of these is not for us to say; that it must know others is.
_TAGS = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}

# RFC 8659 4.2
_LABEL = "[a-z0-9](?:-*[a-z0-9])*"
_WORD = re.compile(rf"[ \t]*({_LABEL})[ \t]*=[ \t]*([!-:<-~]*)[ \t]*", re.IGNORECASE)
_ISSUER = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)

_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Who wants to issue: the authority's own names (`caaIdentities`), how, and for whom.

    Without `account_uri` it is not known yet, and no record is held against it.
    """

    identities: Sequence[str]
    kind: str
    account_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Permit:
    """What one issue or issuewild property allows; an empty `issuer` is nobody."""

    issuer: str
    parameters: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        told = "".join(f"; {tag}={value}" for tag, value in self.parameters)
        return f"{self.issuer}{told}"[:_SHOWN]

    def covers(self, applicant: Applicant) -> bool:
        names = {identity.lower().removesuffix(".") for identity in applicant.identities}
        return self.issuer.lower() in names and self._account(applicant) and self._method(applicant)

    def _account(self, applicant: Applicant) -> bool:
        wanted = self._values("accounturi")
        return not wanted or applicant.account_uri is None or wanted == [applicant.account_uri]

    def _method(self, applicant: Applicant) -> bool:
        wanted = self._values("validationmethods")
        # RFC 8657 4: a property that has the parameter twice permits nothing.
        return not wanted or (len(wanted) == 1 and applicant.kind in wanted[0].split(","))

    def _values(self, tag: str) -> list[str]:
        return [value for each, value in self.parameters if each.lower() == tag]


def forbidden(
    records: Sequence[Caa], applicant: Applicant, *, domain: str, wildcard: bool
) -> str | None:
    """Why these records, which stand at `domain`, forbid a certificate; None when they do not."""
    for record in records:
        if record.critical and record.tag not in _TAGS:
            return f"CAA of {domain} has the critical tag {record.tag[:_SHOWN]!r}, which is unknown"
    permits = _permits(records, wildcard=wildcard)
    if not permits or any(permit.covers(applicant) for permit in permits):
        return None
    allowed = ", ".join(dict.fromkeys(str(permit) for permit in permits if permit.issuer))
    what = f"CAA of {domain} allows{' for wildcards' if wildcard else ''}"
    if not allowed:
        return f"{what} nobody"
    return f"{what} only {allowed}, not {' or '.join(applicant.identities)} by {applicant.kind}"


def _permits(records: Sequence[Caa], *, wildcard: bool) -> list[_Permit]:
    # RFC 8659 4.3: for a wildcard issuewild counts instead of issue, where there is one.
    wild = [_permit(each.value) for each in records if each.tag == "issuewild"]
    issue = [_permit(each.value) for each in records if each.tag == "issue"]
    return wild if wildcard and wild else issue


def _permit(value: str) -> _Permit:
    issuer, _, rest = value.partition(";")
    issuer = issuer.strip(" \t")
    words = [_WORD.fullmatch(word) for word in rest.split(";")] if rest.strip(" \t") else []
    found = [word for word in words if word]
    # RFC 8659 4.2: what does not follow the grammar permits nobody.
    if len(found) != len(words) or not _ISSUER.fullmatch(issuer):
        return _Permit(issuer="")
    return _Permit(issuer=issuer, parameters=tuple((w[1], w[2]) for w in found))
