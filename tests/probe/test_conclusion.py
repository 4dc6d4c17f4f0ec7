"""What is asked again, and what two runs of sslyze amount to, on answers made by hand."""

from certcheck.model.observation import Check
from certcheck.probe.conclusion import Run, Scanned, again, concluded
from certcheck.probe.doubt import Doubt
from certcheck.probe.scan_words import Answer
from tests.zoo.visit import NAME

TLS12, ROBOT, HEARTBLEED = "tls_1_2_cipher_suites", "robot", "heartbleed"
ASKED = (TLS12, ROBOT, HEARTBLEED)
PASS, INCONCLUSIVE = Check(verdict="pass"), Check(verdict="inconclusive")
ALL = Answer(suites={"TLSv1.2": ("A",)}, checks={ROBOT: PASS, HEARTBLEED: PASS})


def run(*tainted: str, answer: Answer = ALL, asked: tuple[str, ...] = ASKED, lost: str = "") -> Run:
    doubt = Doubt()
    for topic in tainted:
        doubt.taint("the line is bad", topic)
    return Run(asked=asked, doubt=doubt, answer=answer, lost=lost)


def amounting(*runs: Run) -> Scanned:
    return concluded(NAME, runs)


def test_a_certain_run_is_not_repeated() -> None:
    assert again(run()) == ()


def test_only_what_is_in_doubt_is_asked_again() -> None:
    assert again(run(HEARTBLEED)) == (HEARTBLEED,)


def test_all_is_asked_again_where_the_first_look_is_in_doubt() -> None:
    assert again(run("connectivity")) == ASKED
    assert again(run(HEARTBLEED, answer=Answer(), lost="killed")) == ASKED


def test_robot_is_asked_about_where_a_suite_may_have_been_lost() -> None:
    without = Answer(suites={"TLSv1.2": ("A",)}, checks={HEARTBLEED: PASS})

    assert again(run(TLS12, answer=without)) == (TLS12, ROBOT)
    assert again(run(TLS12)) == (TLS12,)


def test_what_fails_on_a_good_line_is_not_repeated_and_told() -> None:
    failing = run(answer=Answer(checks={ROBOT: PASS}, failed={HEARTBLEED: "it broke"}))

    result = amounting(failing)

    assert again(failing) == ()
    assert result.checks[HEARTBLEED] == INCONCLUSIVE
    assert result.checks[ROBOT] == PASS
    assert result.doubts == ("sslyze could not finish heartbleed: it broke",)


def test_what_either_run_saw_accepted_is_accepted() -> None:
    second = Answer(suites={"TLSv1.2": ("B",)})

    result = amounting(run(TLS12), run(answer=second, asked=(TLS12,)))

    assert set(result.suites["TLSv1.2"]) == {"A", "B"}
    assert result.doubts == ()


def test_a_second_run_without_doubt_settles_a_check() -> None:
    unsure = Answer(checks={HEARTBLEED: Check(verdict="fail")})

    result = amounting(
        run(HEARTBLEED, answer=unsure),
        run(answer=Answer(checks={HEARTBLEED: PASS}), asked=(HEARTBLEED,)),
    )

    assert result.checks[HEARTBLEED] == PASS
    assert result.doubts == ()


def test_a_check_in_doubt_twice_is_inconclusive_and_told() -> None:
    result = amounting(run(HEARTBLEED), run(HEARTBLEED, asked=(HEARTBLEED,)))

    assert result.checks[HEARTBLEED] == INCONCLUSIVE
    assert result.checks[ROBOT] == PASS
    assert result.doubts == ("not known how the server does with heartbleed: the line is bad",)


def test_a_second_run_that_is_lost_keeps_what_the_first_saw() -> None:
    result = amounting(run(TLS12), run(answer=Answer(), asked=(TLS12,), lost="it was killed"))

    assert result.suites == {"TLSv1.2": ("A",)}
    assert result.checks[HEARTBLEED] == PASS
    assert result.doubts == ("it was killed",)


def test_answers_that_differ_from_time_to_time_are_told() -> None:
    moody = Check(verdict="inconclusive", detail="the answers differ from time to time")

    result = amounting(run(answer=Answer(checks={ROBOT: moody, HEARTBLEED: PASS})))

    assert result.checks[ROBOT] == moody
    assert result.doubts == (
        "not known how the server does with robot: the answers differ from time to time",
    )


def test_a_suite_that_was_chosen_and_did_not_come_to_a_handshake_is_a_doubt() -> None:
    first, second = run(TLS12), run(asked=(TLS12,))
    first.doubt.tally.suites["TLSv1.2"] = {b"\xc0\x2b"}
    second.doubt.tally.suites["TLSv1.2"] = {b"\xc0\x2b", b"\xc0\x2c"}

    result = amounting(first, second)

    assert result.suites == {"TLSv1.2": ("A",)}
    (doubt,) = result.doubts
    assert "the server chose 2 suites of TLSv1.2, and with 1 a handshake came to its end" in doubt


def test_a_suite_that_is_told_of_leaves_no_doubt() -> None:
    certain = run()
    certain.doubt.tally.suites["TLSv1.2"] = {b"\xc0\x2b"}

    assert amounting(certain).doubts == ()
