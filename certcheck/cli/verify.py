"""`certcheck verify`."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, lookalikes, wiring
from certcheck.cli.options import AskNobody, Mailboxes, Output, Probing, Targets
from certcheck.cli.progress import bar
from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.config import Site
    from certcheck.model.change import Acceptance
    from certcheck.model.endpoint import Endpoint, Hostname
    from certcheck.model.run import Run, Scalar

EXAMPLE = "Example: certcheck verify --before before.json --bundle mail"

_LONGEST_REASON = 500


def command(
    output: Output,
    probing: Probing,
    target: Targets = None,
    before: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", readable=False, help="What certcheck snapshot wrote before the change."
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(metavar="B[/GEN]", help="What every port shall serve (else: the toml's)."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=WHY",
            help="Take a change for good, by its id or by its field, such as "
            "auth_after_tls='CRAM-MD5 goes, all were told' (repeatable).",
        ),
    ] = None,
    retired: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDR", help="The old host, which must no longer take mail or logins."
        ),
    ] = None,
    mailboxes: Mailboxes = None,
    mail: Annotated[
        Path | None,
        typer.Option(
            metavar="ACCOUNT",
            readable=False,
            help="Send a marked message round with the first account of this file (as for "
            "--mailboxes): in by 587, 465 and 25, out by IMAP and POP3, then removed.",
        ),
    ] = None,
    dry_run: AskNobody = False,
) -> None:
    """What differs from a snapshot, and whether every port serves what was announced."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.config.accounts import accounts as read_accounts
        from certcheck.report.reading import snapshot
        from certcheck.workflow.announcing import announced
        from certcheck.workflow.budget import budget
        from certcheck.workflow.snapshot import DEPTH
        from certcheck.workflow.verify import Verification, refuse_other_hosts, verify

        site, _ = config.load(output.config)
        then = snapshot(given.read(before), where=str(before)) if before else None
        endpoints = _endpoints(target, site, then)
        lookalikes.warn(each.host for each in endpoints)
        if then:
            refuse_other_hosts(then, endpoints, where=str(before))
        verification = Verification(
            before=then,
            announced=announced(site, endpoints, bundle),
            accepted=_accepted(accept or (), blank),
            retired=tuple(map(_address, retired or ())),
            accounts=read_accounts(mailboxes) if mailboxes else (),
            mail=read_accounts(mail)[0] if mail else None,
        )
        asking = wiring.asking(site, probing)
        if dry_run:
            return budget(blank, endpoints, asking, depths=(DEPTH,))
        with bar("verifying", quiet=output.quiet) as seen:
            return verify(blank, endpoints, asking, verification, seen=seen)

    inputs: dict[str, Scalar | tuple[str, ...]] = {
        "targets": tuple(target or ()),
        "before": str(before) if before else None,
        "bundle": bundle,
        "accept": tuple(accept or ()),
        "retired": tuple(retired or ()),
        "mailboxes": str(mailboxes) if mailboxes else None,
        "mail": str(mail) if mail else None,
        "dry_run": dry_run,
    }
    wiring.perform("verify", output, inputs, work)


def _endpoints(target: Sequence[str] | None, site: Site, then: Run | None) -> tuple[Endpoint, ...]:
    from certcheck.targets import endpoint

    if target or then is None:
        return given.endpoints(target, site)
    # What was only looked for then, and was closed, need not be there now.
    closed = {o.endpoint for o in then.observations} - {
        o.endpoint for o in then.observations if o.outcome != "closed"
    }
    urls = dict.fromkeys(o.endpoint for o in then.observations)
    return tuple(replace(endpoint(url), expected=url not in closed) for url in urls)


def _accepted(given: Sequence[str], blank: Run) -> Mapping[str, Acceptance]:
    from certcheck.model.change import Acceptance

    found: dict[str, Acceptance] = {}
    for text in given:
        name, equals, why = text.partition("=")
        if not (name.strip() and equals and 0 < len(why.strip()) <= _LONGEST_REASON):
            raise InputError(
                f"--accept {text[:80]!r} gives no reason",
                hint="write ID=WHY, with the id of the change and why it is wanted",
            )
        found[name.strip()] = Acceptance(reason=why.strip(), by=_user(), at=blank.started)
    return found


def _user() -> str:
    # Who typed it, also behind sudo.
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _address(text: str) -> Hostname:
    from certcheck.names import hostname

    address = hostname(text)
    if not address.is_ip:
        raise InputError(f"--retired {text!r} is not an IP address", hint="give the old host's own")
    return address
