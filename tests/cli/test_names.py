"""Host names from the command line to the report: what is refused, doubted and shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Certcheck
from tests.name_server import answer, running
from tests.zoo.identities import context
from tests.zoo.keeper import Place, kept
from tests.zoo.manners import implicit

IDN = "mail.straße.example"
ENCODED = "mail.xn--strae-oqa.example"
IMITATION = "p\u0430ypal.example"


@pytest.fixture
def imaps() -> Iterator[Place]:
    """An IMAP server with TLS, whose certificate names the encoded form."""
    with kept(implicit("imap", tls=context(name=ENCODED))) as place:
        yield place


def at(place: Place, name: str) -> tuple[str, ...]:
    return ("--connect-to", f"{name}:993:{place.address}:{place.port}", f"imaps://{name}")


@pytest.mark.parametrize("command", ["audit", "fingerprints"])
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("imaps://\uff11\uff12\uff17.0.0.1", "reads as an IP address in another form"),
        ("imaps://[fe80::1%25eth0]:993", "has a zone"),
        ("imaps://a\u202eb.example", "has U+202E (right-to-left override) in it"),
        ("imaps://xn--a.example", "has a label that encodes no name"),
        ("127.1", "reads as an IP address in another form"),
    ],
)
def test_a_bad_name_is_one_plain_line_and_exit_2(
    certcheck: Certcheck, command: str, target: str, words: str
) -> None:
    ended = certcheck(command, target)

    assert ended.code == 2
    assert words in ended.complaint
    assert ended.complaint.isascii()
    assert ended.stdout == ""


def test_fingerprints_show_both_forms_of_a_name(certcheck: Certcheck, imaps: Place) -> None:
    ended = certcheck("fingerprints", *at(imaps, IDN))

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"IMAPS {ENCODED}:993 ({IDN}) TLS 127.0.0.1 ECDSA SHA-256 ")


def test_json_keeps_the_ascii_form(certcheck: Certcheck, imaps: Place) -> None:
    (seen,) = certcheck("fingerprints", "--json", *at(imaps, IDN)).document["observations"]

    assert seen["endpoint"] == f"imaps://{ENCODED}:993"
    assert seen["server_name"] == ENCODED
    assert seen["deployments"][0]["server_name"] == ENCODED


def test_an_audit_compares_the_ascii_form_and_shows_both(
    certcheck: Certcheck, imaps: Place
) -> None:
    ended = certcheck("audit", "--depth", "quick", *at(imaps, IDN))

    assert f"IMAPS {ENCODED}:993 ({IDN}) TLS at 127.0.0.1" in ended.stdout
    assert f"certificate {ENCODED} ({IDN})" in ended.stdout
    assert "name_missing" not in ended.stdout
    assert "lookalike_name" not in ended.stdout


def test_fingerprints_of_a_lookalike_are_shown_with_a_warning(
    certcheck: Certcheck, imaps: Place
) -> None:
    ended = certcheck("fingerprints", "--quiet", *at(imaps, IMITATION))

    assert ended.code == 0
    assert "SHA-256" in ended.stdout
    assert ended.complaint.startswith(
        f"certcheck: warning: The name xn--pypal-4ve.example ({IMITATION}) mixes Latin letters"
    )
    assert "(U+0430, Cyrillic small letter a)" in ended.complaint


def test_a_terminal_of_ascii_gets_ascii(certcheck: Certcheck, imaps: Place) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    ended = certcheck("fingerprints", *at(imaps, "xn--pypal-4ve.example"), env=locale)

    assert (ended.stdout + ended.stderr).isascii()
    assert r"(p\u0430ypal.example)" in ended.stdout
    assert r"(p\u0430ypal.example)" in ended.complaint


def test_an_audit_of_a_lookalike_has_a_finding(certcheck: Certcheck, imaps: Place) -> None:
    ended = certcheck("audit", "--json", "--depth", "quick", *at(imaps, IMITATION))

    found = {each["rule"]: each for each in ended.document["findings"]}
    assert found["lookalike_name"]["severity"] == "warning"
    assert f"xn--pypal-4ve.example ({IMITATION})" in found["lookalike_name"]["message"]
    assert ended.document["counts"]["seen"] == 1


def test_a_mail_domain_that_looks_like_another_is_warned_of(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    toml = tmp_path / "certcheck.toml"
    with running(answer) as resolver:
        toml.write_text(f'[site]\nresolver = "{resolver.address}:{resolver.port}"\n')
        ended = certcheck("audit", "-c", toml, "--dry-run", "--domain", IMITATION)

    warning = f"certcheck: warning: The name xn--pypal-4ve.example ({IMITATION}) mixes Latin"
    assert warning in ended.stderr


def test_an_order_for_a_lookalike_is_warned_of(certcheck: Certcheck, tmp_path: Path) -> None:
    toml = tmp_path / "certcheck.toml"
    toml.write_text('[site]\nstate = "state"\n')

    ended = certcheck("issue", "-c", toml, "--dry-run", IMITATION)

    assert ended.code == 0
    assert "(U+0430, Cyrillic small letter a)" in ended.complaint


def test_a_name_with_an_underscore_is_asked_and_told_of(certcheck: Certcheck, imaps: Place) -> None:
    ended = certcheck("audit", "--json", "--depth", "quick", *at(imaps, "mail_1.example"))

    document = ended.document
    assert document["observations"][0]["deployments"][0]["server_name"] == "mail_1.example"
    assert "underscore_in_name" in {each["rule"] for each in document["findings"]}
