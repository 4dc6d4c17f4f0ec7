"""From options to the workflow's arguments, and from its result to streams and exit code."""

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TextIO, TypeVar

import typer

from certcheck import __version__, targets
from certcheck.cli import interruption
from certcheck.cli.options import Format, Output, Probing
from certcheck.errors import CertcheckError, InputError, UnfitBundle
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.run import Failure, Run, Scalar, ended, worst

if TYPE_CHECKING:
    from certcheck.config import ServerKind, ServerTable, Site
    from certcheck.host.local import LocalHost
    from certcheck.install.server import MailServer
    from certcheck.issue.authority import Authority
    from certcheck.model.certificate import Certificate
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


def endpoints(given: Sequence[str] | None, site: "Site") -> tuple[Endpoint, ...]:
    """The endpoints that the TARGETs mean, without doubles; without any the toml's.

    Raises InputError for a bad one, naming file and line where it stands in a file.
    """
    if not given:
        if not site.endpoint:
            raise InputError("no TARGET given", hint="name a host, or list [[endpoint]]s")
        return tuple(entry.url for entry in site.endpoint)
    found = tuple(dict.fromkeys(e for text in given for e in _meant(text, targets.endpoints)))
    if not found:
        raise InputError("the list of TARGETs is empty", hint="one a line, # begins a comment")
    return found


def domains(given: Sequence[str] | None) -> tuple[Hostname, ...]:
    """The mail domains that the TARGETs are, without doubles; raises InputError as `endpoints`."""
    each = (_meant(text, lambda word: (targets.mail_domain(word),)) for text in given or ())
    found = tuple(dict.fromkeys(domain for meant in each for domain in meant))
    if not found:
        raise InputError("name a domain", hint="--domain takes mail domains, such as example.org")
    return found


def asking(site: "Site", probing: Probing) -> "Asking":
    """How this command asks servers. Raises InputError for what cannot be used."""
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
        roots=_roots(probing.ca_file),
    )


def means(site: "Site", probing: Probing, output: Output, *, confirm: bool) -> "Means":
    """What an acting command works with: this machine, its servers, and the means to ask them."""
    from certcheck.host.local import LocalHost
    from certcheck.workflow.means import Means

    host = LocalHost()
    return Means(
        site=site,
        host=host,
        server_of=lambda table: _server(table, host),
        asking=asking(site, probing),
        clock=now,
        say=sayer(output),
        confirm=_ask if confirm and sys.stdin.isatty() and sys.stderr.isatty() else None,
    )


def authority(site: "Site", directory: str | None) -> "Authority":
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


def _server(table: "ServerTable", host: "LocalHost") -> "MailServer":
    from certcheck.install.dovecot import Dovecot
    from certcheck.install.postfix import Postfix

    kinds: dict[ServerKind, type[Dovecot | Postfix]] = {"dovecot": Dovecot, "postfix": Postfix}
    return kinds[table.kind](name=table.name, config=table.config, host=host)


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


def _roots(file: Path | None) -> "tuple[Certificate, ...]":
    from certcheck import x509

    if file is None:
        return ()
    try:
        return x509.chain(read(file), where=str(file))
    except UnfitBundle as e:
        raise InputError(e.message, hint="--ca-file takes certificates in PEM") from e


def _meant(text: str, meaning: Callable[[str], Sequence[Thing]]) -> Iterator[Thing]:
    """What one TARGET means, or each line of the file that it names."""
    if text != "-" and not text.startswith("@"):
        yield from meaning(text)
        return
    where = "stdin" if text == "-" else text[1:]
    data = _capped(sys.stdin.buffer, where) if text == "-" else read(Path(where))
    lines = data.decode("utf-8-sig", errors="backslashreplace").splitlines()
    for number, line in enumerate(lines, 1):
        if (word := line.strip()) and not word.startswith("#"):
            try:
                yield from meaning(word)
            except InputError as e:
                raise InputError(f"{where}:{number}: {e.message}", hint=e.hint) from e


def read(path: Path) -> bytes:
    """The file that an option names, 64 MiB at most; raises InputError."""
    try:
        with path.open("rb") as stream:
            return _capped(stream, str(path))
    except (OSError, ValueError) as e:  # ValueError: a null byte in the path
        reason = (isinstance(e, OSError) and e.strerror) or str(e)
        raise InputError(f"cannot read {path}: {reason}", hint="look at the file") from e


def _capped(stream: BinaryIO, where: str) -> bytes:
    data = stream.read(_MAX_LIST + 1)
    if len(data) > _MAX_LIST:
        raise InputError(f"{where} is larger than 64 MiB", hint="split the list")
    return data


def _refuse_unwritable(path: Path | None) -> None:
    # Before anything is done: a result that cannot be written afterwards would be lost.
    if path is None:
        return
    try:
        path.open("ab").close()
    except OSError as e:
        raise InputError(f"cannot write {path}: {e.strerror}", hint="give another -o") from e


def _shown(run: Run, output: Output, show: Callable[[Run, Output], None]) -> int:
    try:
        show(run, output)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        complain(f"cannot write the result: {e.strerror}", "look at the disk")
        return worst(run.exit_code, 3)
    return run.exit_code


def render(run: Run, form: Format, stream: TextIO, output: Output) -> None:
    """The run in one of its forms, to a stream."""
    from certcheck.report import json, markdown, terminal

    if form is Format.json:
        json.write(run, stream.buffer)
    elif form is Format.markdown:
        markdown.write(run, stream)
    else:
        # On stdout the error is left to the one line on stderr.
        shown = replace(run, error=None) if stream is sys.stdout else run
        plain = output.no_color or bool(os.environ.get("NO_COLOR")) or not stream.isatty()
        width = shutil.get_terminal_size().columns if stream.isatty() else None
        terminal.write(shown, stream, color=not plain, width=width)
    stream.flush()
