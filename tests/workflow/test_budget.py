"""What a look would take, as --dry-run tells it, and how far one has come."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck import config
from certcheck.cli.options import Probing
from certcheck.cli.wiring import asking
from certcheck.model.run import Run
from certcheck.probe.budget import BUDGETS
from certcheck.probe.observe import Depth
from certcheck.targets import endpoint, endpoints
from certcheck.workflow.asking import Place, Step, hosts, look
from certcheck.workflow.budget import budget
from tests.conftest import Certcheck
from tests.zoo.keeper import kept
from tests.zoo.manners import implicit

NOW = datetime(2026, 3, 28, tzinfo=UTC)
NOBODY = "imaps://127.0.0.1:9"


@pytest.fixture
def site(tmp_path: Path) -> config.Site:
    path = tmp_path / "certcheck.toml"
    path.write_text("")
    return config.load(path)[0]


def place(name: str, address: str | None) -> Place:
    target = endpoint(f"imaps://{name}")
    return Place(endpoint=target, dialled=target, address=address)


def test_addresses_of_one_name_and_names_of_one_address_are_one_host() -> None:
    found = hosts(
        [
            place("a.example", "192.0.2.1"),
            place("b.example", "192.0.2.3"),
            place("a.example", "192.0.2.2"),
            place("c.example", "192.0.2.9"),
            place("b.example", "192.0.2.2"),
            place("gone.example", None),
        ]
    )

    assert found["192.0.2.1"] == found["192.0.2.2"] == found["192.0.2.3"]
    assert found["192.0.2.9"] != found["192.0.2.1"]
    assert len(found) == 4


def planned(site: config.Site, *targets: str) -> Run:
    blank = Run(id="1", command="audit", version="1", started=NOW, finished=NOW)
    asked = [each for target in targets for each in endpoints(target)]
    return budget(blank, asked, asking(site, Probing()), depths=("quick", "standard"))


def test_each_host_has_a_row_with_its_ports_and_depths(site: config.Site) -> None:
    with kept(implicit("imap")) as server:
        run = planned(site, f"imaps://127.0.0.1:{server.port}", "smtp://127.0.0.1", "127.0.0.2")

        assert server.count() == 0
    quick = BUDGETS["quick"]
    first, second = (dict[str, object](row) for row in run.rows)
    assert run.exit_code == 0
    assert (first["ports"], second["ports"]) == (2, 9)
    assert first["quick"] == f"{2 * quick.least} to {2 * quick.most}"
    # Nobody knows whether the ports of a bare host are open: a closed one takes one connection.
    assert second["quick"] == f"9 to {9 * quick.most}"


def test_a_name_without_address_is_told(site: config.Site) -> None:
    run = planned(site, "imap://gone.invalid")

    assert run.exit_code == 3
    assert "gone.invalid" in str(run.rows[0]["addresses"])


@pytest.mark.parametrize("depth", ["certificates", "quick"])
def test_the_budget_is_kept(site: config.Site, depth: Depth) -> None:
    with kept(implicit("imap")) as server:
        asked = [endpoint(f"imaps://localhost:{server.port}")]
        probing = Probing(connect_to=["localhost::127.0.0.1"])
        looking = look(asked, asking(site, probing), depth=depth, at=NOW, seen=lambda _: None)
        (seen,) = asyncio.run(looking)

        assert BUDGETS[depth].least <= seen.connections <= BUDGETS[depth].most
        assert seen.connections == server.count()


def test_a_place_that_ends_early_has_done_its_stages(site: config.Site) -> None:
    steps: list[Step] = []
    looking = look(
        [endpoint(NOBODY), endpoint("smtp://127.0.0.1:9")],
        asking(site, Probing()),
        depth="standard",
        at=NOW,
        seen=steps.append,
    )
    asyncio.run(looking)

    assert [(step.done, step.total) for step in steps] == [(2, 4), (4, 4)]
    assert {step.what for step in steps} == {
        "IMAPS 127.0.0.1:9 TLS",
        "SMTP 127.0.0.1:9 STARTTLS",
    }


@pytest.mark.parametrize("command", ["audit", "fingerprints"])
def test_a_dry_run_prints_the_budget(certcheck: Certcheck, command: str) -> None:
    shown = certcheck(command, "--dry-run", NOBODY)
    document: Mapping[str, object] = certcheck(command, "--dry-run", "--json", NOBODY).document

    assert shown.code == 0
    assert "127.0.0.1" in shown.stdout
    assert "at a time" in shown.stdout
    assert document["connections"] == 0
