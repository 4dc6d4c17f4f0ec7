"""Servers that take all that their TLS library has, held against two referees."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from certcheck.lab import Lab
from certcheck.model.endpoint import Scheme
from certcheck.probe.budget import BUDGETS
from certcheck.targets import endpoint
from tests.lab.asking import until
from tests.live import scanner
from tests.live.hosting import reconfigure
from tests.live.probing import ADDRESS, seen_at
from tests.live.referee import groups, shown

DOVECOT = (
    "ssl_min_protocol = TLSv1.2",
    "ssl_min_protocol = TLSv1\nssl_cipher_list = ALL:@SECLEVEL=0",
)
POSTFIX = (">=TLSv1.2", ">=TLSv1\ntls_medium_cipherlist = ALL:@SECLEVEL=0")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    from certcheck.lab import up

    with up(tmp_path_factory.mktemp("lab")) as lab:
        main = lab.path / "postfix" / "main.cf"
        reconfigure(main, main.read_text().replace(*POSTFIX, 1).replace(POSTFIX[0], ">=TLSv1"))
        config = lab.path / "dovecot" / "dovecot.conf"
        config.write_text(config.read_text().replace(*DOVECOT))
        subprocess.run(["doveadm", "-c", config, "reload"], check=True, timeout=30)
        yield lab


@pytest.mark.parametrize("scheme", ["imaps", "smtp"])
def test_both_engines_and_sslyze_itself_see_the_same(
    wide: Lab, scheme: Scheme, tmp_path: Path
) -> None:
    service = next(e for e in map(endpoint, wide.host.endpoints) if e.scheme == scheme)
    until(lambda: "none" not in shown(service, ADDRESS, "-tls1", "-cipher", "ALL:@SECLEVEL=0"))
    accepted = scanner.suites(service, ADDRESS, tmp_path / "sslyze.json")

    (seen,) = seen_at(service, depth="full")

    assert set(accepted) == {"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"}
    assert (seen.doubts, seen.disagreements) == ((), ())
    assert {version: set(names) for version, names in seen.cipher_suites.items()} == accepted
    assert BUDGETS["full"].least <= seen.connections <= BUDGETS["full"].most


@pytest.mark.parametrize("scheme", ["imap", "smtp"])
@pytest.mark.parametrize("kind", ["lab", "wide"])
def test_families_spare_questions_and_lose_no_suite(
    kind: str, scheme: Scheme, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    host: Lab = request.getfixturevalue(kind)
    service = next(e for e in map(endpoint, host.host.endpoints) if e.scheme == scheme)
    accepted = scanner.suites(service, ADDRESS, tmp_path / "sslyze.json")

    (seen,) = seen_at(service, depth="standard")
    (own,) = seen_at(service, depth="hellos")

    for each in (seen, own):
        assert each.doubts == ()
        assert {version: set(names) for version, names in each.cipher_suites.items()} == accepted
    spared = sum(len(each.with_family) for each in seen.refusals.values())
    assert spared > sum(len(each.singly) for each in seen.refusals.values())
    assert seen.connections < spared + sum(map(len, accepted.values())) + 130


@pytest.mark.parametrize("scheme", ["imaps", "smtp"])
def test_groups_are_those_that_openssl_gets(lab: Lab, scheme: Scheme) -> None:
    service = next(e for e in map(endpoint, lab.host.endpoints) if e.scheme == scheme)

    (seen,) = seen_at(service, depth="full")

    assert set(seen.groups) == groups(service, ADDRESS)
