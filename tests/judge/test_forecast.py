"""Names that fare alike are predicted once, and none is left out."""

from certcheck.judge.forecast import forecast
from certcheck.judge.prediction import predicted
from certcheck.judge.profiles import clients
from certcheck.lab import pki
from tests.judge.programs import NAME, ROOT, chain, client, known, seen

NAMES = (NAME, "imap.example.test", "a.customers.test", "b.customers.test", "other.test")


def test_each_name_gets_what_it_would_get_by_itself() -> None:
    server = seen(chain(pki.Shape(names=(NAME, "imap.example.test", "*.customers.test"))))
    programs, now = tuple(clients().values()), known(ROOT)

    found = forecast(programs, server, NAMES, now)

    assert sorted(name for each in found for name in each.names) == sorted(NAMES)
    assert len(found) < len(NAMES)
    for each in found:
        for name in each.names:
            alone = [predicted(program, server, name, now).result for program in programs]
            assert [one.result for one in each.predictions] == alone


def test_outlook_2007_tells_the_first_name_from_the_others() -> None:
    server = seen(chain(pki.Shape(names=("first.test", "second.test"))))
    program = client("thunderbird-140", policy=clients()["outlook-2007-windows-7"].policy)

    first, second = forecast([program], server, ("first.test", "second.test"), known(ROOT))

    assert program.policy.first_name_only
    assert [each.predictions[0].result for each in (first, second)] == ["connects", "asks"]


def test_no_names_are_no_forecast() -> None:
    assert forecast(tuple(clients().values()), seen(), (), known(ROOT)) == ()
