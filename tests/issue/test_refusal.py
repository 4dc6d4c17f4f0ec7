import pytest
from acme import messages

from certcheck.issue.refusal import refused, wording

HOSTILE = (
    "on\r\nfire",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example.test\x1b\\\\",
    "bell\x07, null\x00, delete\x7f, csi\x9b31m",
    "right\u202eto left, zero\u200bwidth, line\u2028paragraph\u2029",
    "half \ud800 a character",
)


def told(text: str) -> messages.Error:
    problem: messages.Error = messages.Error.from_json(
        {
            "type": f"urn:ietf:params:acme:error:{text}",
            "detail": text,
            "identifier": {"type": "dns", "value": text},
            "subproblems": [
                {"type": text, "title": text, "identifier": {"type": "dns", "value": text}}
            ],
        }
    )
    return problem


@pytest.mark.parametrize("text", HOSTILE)
def test_no_part_of_a_problem_brings_control_characters(text: str) -> None:
    error = refused("the certificate authority refuses", told(text))

    assert error.message.isprintable()
    assert error.hint.isprintable()


def test_plain_words_stay_as_they_are() -> None:
    assert wording(told("façade 验证")) == (
        "façade 验证: façade 验证 (façade 验证) [façade 验证: façade 验证 (façade 验证)]"
    )


def test_a_problem_without_end_is_cut() -> None:
    problem = told("x" * 100_000).update(subproblems=(told("y" * 1000),) * 1000)

    error = refused("the certificate authority refuses", problem)

    assert error.message.startswith(f"the certificate authority refuses: {'x' * 400}…: ")
    assert error.message.endswith("…")
    assert len(error.message) < 11_000
