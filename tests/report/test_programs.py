"""What a reader is told of mail programs: first who is locked out, then the rest."""

import io
import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from certcheck.model.run import Run
from certcheck.report import html, programs, terminal
from certcheck.report import json as documents
from tests.report import predictions
from tests.report.predictions import IMAP, SMTP, prediction


@pytest.fixture
def run() -> Run:
    return predictions.audit()


def text(run: Run, width: int | None = 80) -> str:
    stream = io.StringIO()
    terminal.write(run, stream, color=False, width=width)
    return stream.getvalue()


def test_the_sentence_names_who_is_locked_out_before_it_counts(run: Run) -> None:
    assert programs.summary(run) == (
        "Locked out: Outlook 2010, 2013 (Windows 7); Outlook 2016 (Windows 10). "
        "Not known: 1 of 7 mail programs. 1 will ask, 2 connect silently."
    )


def test_without_anybody_locked_out_the_sentence_says_so(run: Run) -> None:
    calm = tuple(each for each in run.predictions if each.result == "connects")

    assert programs.summary(replace(run, predictions=calm)).startswith(
        "Locked out: none that is known. Not known: 0 of 3 mail programs."
    )


def test_ports_where_all_fare_alike_share_a_column_and_programs_that_do_a_line(run: Run) -> None:
    more = tuple(
        replace(each, endpoint="imaps://mail.example.org:993")
        for each in run.predictions
        if each.endpoint == IMAP
    )

    (matrix,) = programs.matrices(replace(run, predictions=(*run.predictions, *more)))

    assert matrix.columns == (("a", "IMAP 143, 993"), ("b", "SMTP 587"))
    outlook = dict(matrix.groups)["Outlook"]
    assert [(each.cells, each.programs) for each in outlook] == [
        (("OUT", "OUT"), "Outlook 2010, 2013 (Windows 7)"),
        (("ok", "OUT"), "Outlook 2016 (Windows 10)"),
        (("?", "?"), "Outlook (new) (Windows 11)"),
        (("ok", "ok"), "Outlook 2016 (Windows 11)"),
    ]
    assert dict(matrix.groups)["Programs on Linux"][0].cells == ("ok", "-")


def test_who_is_asked_is_told_how_often_and_what_to_compare(run: Run) -> None:
    asked = next(each for each in programs.cases(run) if each.result == "asks")

    assert asked.programs == "Thunderbird 140 (Linux)"
    assert asked.times == "twice, for IMAP and for SMTP"
    assert [(which, kind) for which, kind, _ in asked.fingerprints] == [
        ("new", "SHA-256"),
        ("new", "SHA-1"),
    ]


@pytest.mark.parametrize(
    ("scope", "times"),
    [
        ("host_port", "twice, for IMAP and for SMTP"),
        ("account", "twice, for IMAP and for SMTP"),
        ("host", "once"),
        ("session", "at each start"),
        ("unknown", ""),
    ],
)
def test_how_often_follows_from_what_an_exception_holds_for(
    run: Run, scope: str, times: str
) -> None:
    asks = tuple(prediction("X 1", "Y", "asks", url, scope=scope) for url in (IMAP, SMTP))

    (case,) = programs.cases(replace(run, predictions=asks))

    assert case.times == times


def test_platforms_are_in_their_natural_order() -> None:
    found = [prediction("Mail", f"Android {n}", "asks", IMAP) for n in ("10", "9", "4.4", "11")]

    (case,) = programs.cases(replace(predictions.audit(), predictions=tuple(found)))

    assert case.programs == "Mail (Android 4.4, 9, 10, 11)"


def test_a_terminal_of_80_columns_is_enough_and_needs_no_colour(run: Run) -> None:
    shown = text(run)

    assert "  OUT  OUT  Outlook 2010, 2013 (Windows 7)" in shown
    assert "helps    Outlook 2010, 2013 (Windows 7)" in shown
    lines = [line for line in shown.splitlines() if "SHA-256" not in line]
    assert max(map(len, lines)) <= 80


def test_each_form_has_the_sentence_the_table_and_the_advice(run: Run) -> None:
    page = io.StringIO()
    html.write(run, page)

    for piece in (
        "Locked out: Outlook 2010",
        ">OUT<",
        "Advice: Take TLS 1.0",
        "ssl_cipher_list = ALL",
    ):
        assert piece in page.getvalue()


def test_names_from_outside_are_text_in_the_page(run: Run) -> None:
    evil = prediction("<script>alert(1)</script>", "<b>", "asks", IMAP)
    page = io.StringIO()

    html.write(replace(run, predictions=(evil,), rows=()), page)

    assert "<script>alert" not in page.getvalue()


def test_predictions_are_in_the_document_as_the_contract_has_them(run: Run) -> None:
    stream = io.BytesIO()
    documents.write(run, stream)
    document = json.loads(stream.getvalue())

    first = document["predictions"][0]
    wanted = {"client", "endpoint", "server_name", "result", "protocol", "suite", "reason"}
    assert wanted | {"scope", "evidence", "fingerprints"} <= set(first)
    Draft202012Validator(documents.schema()).validate(document)
