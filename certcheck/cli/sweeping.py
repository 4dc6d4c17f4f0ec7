"""`certcheck fingerprints --jsonl` and `--resume`: from options to lines, and to the exit code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from certcheck.cli import given, interruption, lookalikes, rows, wiring
from certcheck.cli.options import Format, Output, Probing
from certcheck.cli.progress import pace
from certcheck.errors import CertcheckError, InputError
from certcheck.model.observation import Observation
from certcheck.workflow.ledger import Ledger


def perform(
    target: Sequence[str] | None, output: Output, probing: Probing, *, resume: Path | None
) -> NoReturn:
    """Ask all TARGETs, tell each line as soon as it is known, and end with the exit code."""
    ledger = Ledger()
    try:
        _swept(target, output, probing, ledger, resume=resume)
        code = _code(ledger)
    except BrokenPipeError:  # the reader has seen enough (`| head`)
        code = _code(ledger)
    except CertcheckError as e:
        wiring.complain(e.message, e.hint)
        code = e.exit_code
    except KeyboardInterrupt:
        hint = "the same command goes on" if resume else "with --resume FILE it could go on"
        wiring.complain("interrupted by a signal", hint)
        code = interruption.exit_code()
    raise typer.Exit(code)


def _code(ledger: Ledger) -> int:
    return 3 if ledger.missing else 0


def _swept(
    target: Sequence[str] | None,
    output: Output,
    probing: Probing,
    ledger: Ledger,
    *,
    resume: Path | None,
) -> None:
    from certcheck import config
    from certcheck.report import json
    from certcheck.workflow.sweep import Company, sweep

    _refuse_contradictions(output, resume)
    site, _ = config.load(output.config)
    asking = wiring.asking(site, probing)
    stream = given.Stream(target, site)
    lookalikes.warn(stream.in_letters)
    with (
        _lines(output, ledger, resume=resume) as write,
        pace("asking", stream.size, quiet=output.quiet) as seen,
    ):

        def tell(observation: Observation, addresses: int) -> None:
            write(json.row(observation, addresses=addresses))

        company = Company(tell=tell, seen=seen, clock=wiring.now)
        sweep(iter(stream), asking, ledger, company, size=stream.size)


def _refuse_contradictions(output: Output, resume: Path | None) -> None:
    if output.json or output.form is not Format.terminal:
        raise InputError("lines of JSON are a form of their own", hint="leave out the other one")
    if resume and output.output:
        raise InputError("-o and --resume exclude each other", hint="both name the file of lines")


@contextmanager
def _lines(output: Output, ledger: Ledger, *, resume: Path | None) -> Iterator[rows.Write]:
    if resume:
        with rows.kept(resume, ledger) as write:
            yield write
    elif output.output:
        with rows.kept(output.output, None) as write:
            yield write
    else:
        yield rows.shown()
