"""From options to the workflow's arguments, and from its result to streams and exit code."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO, TypeVar

import typer

from certcheck import __version__
from certcheck.cli import given, interruption
from certcheck.cli.options import Format, Output, Probing
from certcheck.errors import CertcheckError, InputError, UnfitBundle

if TYPE_CHECKING:
    from certcheck.config import ServerKind, ServerTable, Site
    from certcheck.host.local import LocalHost
    from certcheck.install.server import MailServer
    from certcheck.issue.authority import Authority
    from certcheck.model.certificate import Certificate
    from certcheck.model.run import Run, Scalar
    from certcheck.workflow.asking import Asking
    from certcheck.workflow.means import Means

Thing = TypeVar("Thing")

_MAX_LIST = 64 * 1024 * 1024


def now() -> datetime:
    """The time, UTC, in whole seconds: the one clock of the program."""
    return datetime.now(UTC).replace(microsecond=0)


def perform(
    command: str,
    output: Output,
    inputs: Mapping[str, Scalar | tuple[str, ...]],
    work: Callable[[Run], Run],
    *,
    show: Callable[[Run, Output], None] | None = None,
) -> NoReturn:
    """Run a workflow on a blank Run, show the result, and end with its exit code."""
    from certcheck.model.run import Run, ended

    started = now()
    blank = Run(
        id=uuid.uuid4().hex,
        command=command,
        version=__version__,
        started=started,
        finished=started,
        inputs=inputs,
    )
    try:
        _refuse_unwritable(output.output)
    except InputError as e:
        output = replace(output, output=None)
        run = ended(blank, e)
    else:
        run = _worked(work, blank)
    run = replace(run, finished=now())
    raise typer.Exit(_shown(run, output, show or write))


def _worked(work: Callable[[Run], Run], blank: Run) -> Run:
    from certcheck.model.run import Failure, ended

    try:
        return work(blank)
    except CertcheckError as e:
        return ended(blank, e)
    except KeyboardInterrupt as e:
        # Whatever had been begun is undone by now, or the workflow says what is kept.
        error = Failure(
            message="interrupted by a signal", hint=str(e) or "nothing is left half done"
        )
        return replace(blank, error=error, exit_code=interruption.exit_code())


def write(run: Run, output: Output) -> None:
    """The result to stdout or to `-o`, and the error, if any, as one line to stderr."""
    form = Format.json if output.json else output.form
    if output.output is not None:
        with output.output.open("w", encoding="utf-8") as stream:
            render(run, form, stream, output)
    elif (
        form is not Format.terminal or not run.error or run.observations or run.actions or run.rows
    ):
        render(run, form, sys.stdout, output)
    complain_of(run)


def save(run: Run, path: Path | None) -> None:
    """The run as JSON in a file: the new one whole, or the old one as it was."""
    from certcheck.report import json

    if path is None:
        return
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as stream:
        json.write(run, stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def complain_of(run: Run) -> None:
    """The error that ended a run, if any, as one line to stderr."""
    if run.error is not None:
        complain(run.error.message, run.error.hint)


def complain(message: str, hint: str) -> None:
    """One line on stderr: what is wrong, and what to do next."""
    from certcheck.report.text import safe

    line = f"{message} ({hint})" if hint else message
    _tell(f"certcheck: {safe(line)}")


def note(text: str) -> None:
    """One line of progress on stderr."""
    from certcheck.report.text import safe

    _tell(f"  {safe(text)}")


def _tell(line: str) -> None:
    # Not by typer.echo, which writes UTF-8 where a terminal in the C locale expects none.
    sys.stderr.write(f"{line}\n")


def sayer(output: Output) -> Callable[[str], None]:
    """What tells of progress: lines on stderr, or nothing with --quiet."""
    return (lambda _: None) if output.quiet else note


def asking(site: Site, probing: Probing) -> Asking:
    """How this command asks servers. Raises InputError for what cannot be used."""
    from certcheck import targets
    from certcheck.dns import Resolver
    from certcheck.probe.limits import Limits
    from certcheck.workflow.asking import Asking

    if probing.ipv4 and probing.ipv6:
        raise InputError("-4 and -6 exclude each other", hint="leave both out for all addresses")
    address, port = site.resolver or (None, 53)
    return Asking(
        site=site,
        resolver=Resolver(address=address, port=port),
        limits=Limits(timeout=probing.timeout, per_host=probing.per_host),
        redirects=tuple(targets.connect_to(text) for text in probing.connect_to or ()),
        family="ipv4" if probing.ipv4 else "ipv6" if probing.ipv6 else "any",
        roots=chain(probing.ca_file, "--ca-file") if probing.ca_file else (),
    )


def means(site: Site, probing: Probing, output: Output, *, confirm: bool) -> Means:
    """What an acting command works with: this machine, its servers, and the means to ask them."""
    from certcheck.host.local import LocalHost
    from certcheck.workflow.means import Means

    here, host = LocalHost(), _host(site)
    return Means(
        site=site,
        here=here,
        host=host,
        server_of=lambda table: _server(table, host),
        asking=asking(site, probing),
        clock=now,
        say=sayer(output),
        confirm=_ask if confirm and sys.stdin.isatty() and sys.stderr.isatty() else None,
    )


def authority(site: Site, directory: str | None) -> Authority:
    """The certificate authority of the site, at another directory if given. Raises InputError."""
    from certcheck.issue.authority import Authority, eab_key

    acme = site.acme
    return Authority(
        directory=directory or acme.directory,
        ca_file=acme.ca_file,
        email=acme.email,
        eab_kid=acme.eab_kid,
        eab_key=eab_key(acme.eab_key_file) if acme.eab_key_file else None,
        preferred_chain=acme.preferred_chain,
    )


def _host(site: Site) -> LocalHost:
    from certcheck.host.local import LocalHost

    ways = {(h.enter, h.root) for h in site.host if h.name in {s.host for s in site.server}}
    if len(ways) > 1:
        raise InputError(
            "the [[server]]s are in several containers or namespaces",
            hint="write a certcheck.toml for each of them",
        )
    enter, root = next(iter(ways), ((), None))
    return LocalHost(enter=enter, root=root)


def _server(table: ServerTable, host: LocalHost) -> MailServer:
    from certcheck.install.dovecot import Dovecot
    from certcheck.install.postfix import Postfix

    kinds: dict[ServerKind, type[Dovecot | Postfix]] = {"dovecot": Dovecot, "postfix": Postfix}
    return kinds[table.kind](name=table.name, config=table.config, host=host)


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


def chain(file: Path, option: str) -> tuple[Certificate, ...]:
    """The certificates in a file that `option` names. Raises InputError."""
    from certcheck import x509

    try:
        return x509.chain(given.read(file), where=str(file))
    except UnfitBundle as e:
        raise InputError(e.message, hint=f"{option} takes certificates in PEM") from e


def _refuse_unwritable(path: Path | None) -> None:
    # Before anything is done: a result that cannot be written afterwards would be lost.
    if path is None:
        return
    try:
        path.open("ab").close()
    except OSError as e:
        raise InputError(f"cannot write {path}: {e.strerror}", hint="give another -o") from e


def _shown(run: Run, output: Output, show: Callable[[Run, Output], None]) -> int:
    from certcheck.model.run import worst

    try:
        show(run, output)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as e:
        from certcheck.model.run import worst

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        complain(f"cannot write the result: {e.strerror}", "look at the disk")
        return worst(run.exit_code, 3)
    return run.exit_code


def render(run: Run, form: Format, stream: TextIO, output: Output) -> None:
    """The run in one of its forms, to a stream."""
    if form is Format.json:
        from certcheck.report import json

        json.write(run, stream.buffer)
    elif form is Format.markdown:
        from certcheck.report import markdown

        markdown.write(run, stream)
    elif form is Format.html:
        from certcheck.report import html

        html.write(run, stream)
    else:
        from certcheck.report import terminal

        # On stdout the error is left to the one line on stderr.
        shown = replace(run, error=None) if stream is sys.stdout else run
        plain = output.no_color or bool(os.environ.get("NO_COLOR")) or not stream.isatty()
        width = shutil.get_terminal_size().columns if stream.isatty() else None
        terminal.write(shown, stream, color=not plain, width=width)
    stream.flush()
