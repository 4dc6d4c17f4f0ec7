"""One endpoint behind several addresses, from the command line to the report."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from certcheck.lab.ports import reserved
from certcheck.model.certificate import short
from tests.conftest import Certcheck, Ended
from tests.zoo.identities import context
from tests.zoo.keeper import Behaviour, kept
from tests.zoo.manners import implicit

NAME = "mail.example.test"
OLD = implicit("imap", tls=context(name="old.example.test"))
NEW = implicit("imap", tls=context())
BOTH = implicit("imap", tls=context("ecdsa", "rsa2048"))
TOML = """
[[host]]
name = "{name}"
addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
[[endpoint]]
url = "imaps://{name}:{port}"
"""


@contextmanager
def served(folder: Path, *behaviours: Behaviour) -> Iterator[Path]:
    """The certcheck.toml of a host whose first addresses behave so; nobody is at the others."""
    with ExitStack() as stack:
        (port,) = stack.enter_context(reserved(1))
        for number, behaviour in enumerate(behaviours, 1):
            stack.enter_context(kept(behaviour, f"127.0.0.{number}", port))
        toml = folder / "certcheck.toml"
        toml.write_text(TOML.format(name=NAME, port=port))
        yield toml


def mixtures(audit: Ended) -> list[dict[str, Any]]:
    return [each for each in audit.document["findings"] if each["rule"] == "mixed_certificates"]


def test_addresses_that_serve_different_certificates_are_told_with_counts(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    with served(tmp_path, NEW, OLD):
        audit = certcheck("audit", "--json", "--depth", "quick")

    (mixed,) = mixtures(audit)
    assert (mixed["severity"], mixed["address"], mixed["observation"]) == ("error", None, "o1")
    for seen in audit.document["observations"][:2]:
        leaf = short(seen["deployments"][0]["chain"][0])
        assert f"1 of 2 addresses serves {leaf}" in mixed["message"]
        assert f"{seen['address']} {leaf}" in mixed["evidence"]
    assert "127.0.0.3" not in mixed["evidence"]


def test_a_kind_of_key_that_one_address_lacks_is_told(certcheck: Certcheck, tmp_path: Path) -> None:
    with served(tmp_path, BOTH, NEW):
        audit = certcheck("audit", "--json", "--depth", "quick")

    (mixed,) = mixtures(audit)
    assert "1 of 2 addresses serves no RSA certificate" in mixed["message"]
    assert mixed["evidence"].endswith("127.0.0.2 none")


def test_addresses_that_serve_the_same_are_not_mixed(certcheck: Certcheck, tmp_path: Path) -> None:
    with served(tmp_path, NEW, NEW, NEW):
        audit = certcheck("audit", "--depth", "quick")

    assert "3 ports" in audit.stdout
    assert "mixed" not in audit.stdout


def test_fingerprints_show_which_address_serves_what(certcheck: Certcheck, tmp_path: Path) -> None:
    with served(tmp_path, NEW, OLD, OLD):
        shown = certcheck("fingerprints")

    lines = [line for line in shown.stdout.splitlines() if line.startswith("IMAPS")]
    assert [line.split()[3] for line in lines] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert len({line.split()[-1] for line in lines}) == 2
