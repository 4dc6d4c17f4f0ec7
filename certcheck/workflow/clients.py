"""`certcheck clients`: the mail programs that are known, and how each thing of them is known."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from certcheck.judge import profiles
from certcheck.judge.stores import stores
from certcheck.model.client import Asking, Client, Dialog, Policy, Stack
from certcheck.model.run import Row, Run, Scalar

_Value = Scalar | tuple[str, ...]
_FAULTS = {
    "untrusted": "on an untrusted certificate",
    "name": "on another name",
    "expired": "on an expired one",
    "weak": "on a weak one",
    "changed": "on a new one",
}


def listed(blank: Run) -> Run:
    """The run with one row per program, in the order of their groups."""
    known = sorted(profiles.clients().values(), key=lambda each: (each.family, each.id))
    return replace(blank, rows=tuple(map(_brief, known)))


def shown(blank: Run, wanted: str) -> Run:
    """The run with all that is known of one program, or of all of a group; raises InputError."""
    chosen = profiles.selected(wanted, profiles.clients())
    return replace(blank, rows=tuple(dict(_details(each)) for each in chosen))


def _brief(client: Client) -> Row:
    return {
        "id": client.id,
        "name": client.name,
        "platform": client.platform,
        "group": client.family,
        "years": client.period,
        "TLS": client.stack.span if client.stack else "unknown",
        "known_by": client.stack_evidence,
    }


def _details(client: Client) -> Iterator[tuple[str, _Value]]:
    yield "name", f"{client.name} on {client.platform}" if client.platform else client.name
    yield "id", client.id
    yield "group", client.family
    yield "years", client.period
    yield "roles", client.roles
    yield from _of_stack(client.stack, client.stack_evidence)
    yield "roots", _store(client)
    yield from _of_policy(client.policy)
    yield from _of_asking(client.asking)
    if client.pins:
        yield "pins", "a fingerprint is configured: any other certificate stops it"
    shown = tuple(f"{f.hash} ({f.form}) {f.where}".rstrip() for f in client.fingerprints)
    yield "fingerprints", shown or "unknown"
    for language, dialog in client.dialogs.items():
        yield f"dialog_{language}", _words(dialog)
    yield "sources", client.sources
    if client.notes:
        yield "notes", client.notes


def _of_stack(stack: Stack | None, evidence: str) -> Iterator[tuple[str, _Value]]:
    if stack is None:
        yield "TLS", "unknown"
        return
    yield "TLS", f"{stack.span}, {stack.name} ({evidence})"
    yield "suites", stack.suites
    yield "groups", stack.groups if stack.groups is not None else "unknown"
    yield "signatures", stack.signatures if stack.signatures is not None else "unknown"
    yield "SNI", {True: "sent", False: "not sent", None: "unknown"}[stack.sni]
    yield "TLS_sources", stack.sources


def _store(client: Client) -> str:
    if client.store is None:
        return "unknown"
    if client.store == "none":
        return "verifies nothing"
    known = stores().get(client.store)
    when = f", as of {known.at}" if known else ", contents unknown"
    return f"{known.name if known else client.store}{when} ({client.store_evidence})"


def _of_policy(policy: Policy) -> Iterator[tuple[str, _Value]]:
    wants: Mapping[str, bool | None] = {
        f"RSA of {policy.rsa_bits} bits or more": bool(policy.rsa_bits),
        "no SHA-1": policy.sha1 is False,
        "its name in the SAN": policy.names_in_san,
        "its name as the first of the SAN": policy.first_name_only,
        "extended key usage for servers": policy.server_usage,
        f"at most {policy.most_days} days": bool(policy.most_days),
    }
    if told := tuple(text for text, yes in wants.items() if yes):
        yield "wants", told


def _of_asking(asking: Asking) -> Iterator[tuple[str, _Value]]:
    for fault, title in _FAULTS.items():
        yield title, getattr(asking, fault)
    yield "exception_for", asking.scope
    yield "asking_known_by", asking.evidence
    if asking.sources:
        yield "asking_sources", asking.sources


def _words(dialog: Dialog) -> tuple[str, ...]:
    named = ("title", "text", "accept", "keep", "refuse", "view")
    return tuple(f"{name}: {text}" for name in named if (text := getattr(dialog, name)))
