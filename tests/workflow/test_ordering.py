"""What an earlier run has left of an order is finished, stored once, or dropped and said so."""

from dataclasses import replace
from pathlib import Path

import pytest

from certcheck import config
from certcheck.cli import ordering
from certcheck.errors import InputError
from certcheck.issue.authority import Authority
from certcheck.issue.http01 import Webroot
from certcheck.model.bundle import Pair
from certcheck.model.run import Run
from certcheck.store import bundles, orders
from certcheck.store.orders import Order, Presented
from certcheck.workflow.issue import issue
from certcheck.workflow.recover import heal, recover
from certcheck.x509 import KeyKind, chain
from tests import making
from tests.issue.conftest import Scripted, ScriptedMaker, free_port, https_identity, scripted
from tests.issue.play import KEY, LEAF, SMOOTH, TOKEN, an_order, begun
from tests.workflow.test_issue import BLANK, means, wanted

__all__ = ["free_port", "https_identity", "scripted"]  # fixtures of the issue room's tests

NAME = "mail.example.test"
READY = an_order("ready")
VALID = an_order("valid", certificate="BASE/c")


@pytest.fixture
def site(tmp_path: Path) -> config.Site:
    path = tmp_path / "certcheck.toml"
    path.write_text(f'[site]\nstate = "state"\n[[bundle]]\nname = "mail"\nnames = ["{NAME}"]\n')
    return config.load(path)[0]


@pytest.fixture
def ca(scripted: ScriptedMaker) -> Scripted:
    return scripted({**SMOOTH, "/o": (READY, READY, VALID)})


def left(ca: Scripted, site: config.Site, *names: str) -> Order:
    """The open order of a run that was killed after all names were authorized."""
    order = begun(site.site.state, ca.authority.directory, names=names or (NAME,))
    order.ordered(f"{ca.base}/o")
    return order


def issued(ca: Scripted, site: config.Site, folder: Path) -> Run:
    want = [wanted(folder, "mail", NAME)]
    return issue(BLANK, want, means(site), authority=ca.authority, dry_run=False)


def recovered(ca: Scripted, site: config.Site) -> Run:
    def at(directory: str) -> Authority:
        return replace(ca.authority, directory=directory)

    return recover(BLANK, means(site), at)


def stored_already(site: config.Site, order: Order) -> None:
    pair = Pair(key_pem=KEY, chain=chain(LEAF.chain, where="made"), order_url=str(order.url))
    bundles.save(site.site.state, replace(making.generation("mail", NAME), pairs=(pair,)))


def test_the_next_issue_ends_the_order_with_the_key_that_was_made(
    ca: Scripted, site: config.Site, tmp_path: Path
) -> None:
    order = left(ca, site)

    run = issued(ca, site, tmp_path)

    assert [row["bundle"] for row in run.rows] == ["mail/1"]
    (pair,) = bundles.load(site.site.state, "mail").pairs
    assert (pair.key_pem, pair.order_url) == (KEY, order.url)
    assert orders.unfinished(site.site.state) == []
    assert ("POST", "/newOrder") not in ca.asked


def test_a_generation_that_was_stored_is_not_made_twice(
    ca: Scripted, site: config.Site, tmp_path: Path
) -> None:
    stored_already(site, left(ca, site))

    run = issued(ca, site, tmp_path)

    assert [row["bundle"] for row in run.rows] == ["mail/1"]
    assert bundles.numbers(site.site.state, "mail") == (1,)
    assert orders.unfinished(site.site.state) == []
    assert ca.asked == []


def test_an_order_for_other_names_is_dropped(
    ca: Scripted, site: config.Site, tmp_path: Path
) -> None:
    order = left(ca, site, NAME, "old.example.test")

    issued(ca, site, tmp_path)

    assert ("POST", "/newOrder") in ca.asked
    assert order.id not in {each.id for each in orders.unfinished(site.site.state)}


def test_an_order_whose_key_is_gone_is_dropped(
    ca: Scripted, site: config.Site, tmp_path: Path
) -> None:
    order = left(ca, site)
    (order.folder / "key.pem").unlink()

    issued(ca, site, tmp_path)

    assert ("POST", "/newOrder") in ca.asked
    assert order.id not in {each.id for each in orders.unfinished(site.site.state)}


def test_a_refused_order_says_what_is_kept(
    site: config.Site, tmp_path: Path, free_port: int
) -> None:
    nobody = Scripted(
        authority=Authority(directory=f"https://localhost:{free_port}/dir"),
        base=f"https://localhost:{free_port}",
        asked=[],
    )
    left(nobody, site)

    run = issued(nobody, site, tmp_path)

    assert run.exit_code == 3
    assert run.error is not None
    assert "the order for mail is kept: certcheck issue goes on with it" in run.error.hint
    assert len(orders.unfinished(site.site.state)) == 1


def test_an_order_that_was_never_made_is_not_kept(
    site: config.Site, tmp_path: Path, free_port: int
) -> None:
    nobody = Authority(directory=f"https://localhost:{free_port}/dir")

    run = issue(
        BLANK,
        [wanted(tmp_path, "mail", NAME)],
        means(site),
        authority=nobody,
        dry_run=False,
    )

    assert run.error is not None
    assert "kept" not in run.error.hint
    assert orders.unfinished(site.site.state) == []


def test_recover_finishes_the_order(ca: Scripted, site: config.Site) -> None:
    order = left(ca, site)

    run = recovered(ca, site)

    assert run.rows == ({"journal": order.id, "bundle": "mail/1", "result": "finished"},)
    assert recovered(ca, site).rows == ({"result": "no run was killed: nothing to recover"},)


def test_recover_keeps_the_order_while_the_authority_is_away(
    ca: Scripted, site: config.Site, free_port: int
) -> None:
    order = begun(site.site.state, f"https://localhost:{free_port}/dir")
    order.ordered(f"https://localhost:{free_port}/o")

    run = recovered(ca, site)

    assert run.exit_code == 3
    assert run.error is not None
    assert run.error.message.startswith("the order of 2026-11-25 08:00 UTC for mail: https://")
    assert run.rows[0]["result"] == "open"
    assert len(orders.unfinished(site.site.state)) == 1


def test_recover_does_not_make_half_a_generation(ca: Scripted, site: config.Site) -> None:
    both: tuple[KeyKind, ...] = ("ecdsa", "rsa2048")
    head = replace(left(ca, site).head, keys=both)
    for order in orders.unfinished(site.site.state):
        order.close("dropped")
    orders.begin(site.site.state, head, KEY).ordered(f"{ca.base}/o")

    run = recovered(ca, site)

    assert [row["result"] for row in run.rows] == ["dropped"]
    assert bundles.numbers(site.site.state, "mail") == ()


def test_what_is_wrong_with_the_authority_holds_up_an_open_order_only(site: config.Site) -> None:
    def unusable(_: str) -> Authority:
        raise InputError("eab_key_file cannot be read")

    (site.site.state).mkdir(mode=0o700)

    assert recover(BLANK, means(site), unusable).exit_code == 0


def test_every_other_run_takes_down_what_is_left_and_says_what_is_open(
    ca: Scripted, site: config.Site, tmp_path: Path
) -> None:
    (webroot := tmp_path / "www").mkdir()
    order = left(ca, site)
    place = Webroot(webroot).place
    order.present(
        Presented(kind="http-01", place=place, name=NAME, token=TOKEN, key_authorization="x")
    )
    (folder := webroot / ".well-known/acme-challenge").mkdir(parents=True)
    (folder / TOKEN).write_text("x")
    told: list[str] = []

    heal(replace(means(site), say=told.append))

    assert list(webroot.iterdir()) == []
    assert told == [
        "the order of 2026-11-25 08:00 UTC for mail is unfinished: certcheck issue goes on with it"
    ]


def test_a_challenge_that_cannot_be_taken_down_does_not_hold_up_a_host(
    ca: Scripted, site: config.Site
) -> None:
    order = left(ca, site)
    order.present(
        Presented(kind="odd-01", place="?", name=NAME, token=TOKEN, key_authorization="x")
    )
    told: list[str] = []

    heal(replace(means(site), say=told.append))

    assert told[0].startswith("warning: the odd-01 challenge for mail.example.test may still be")
    assert orders.unfinished(site.site.state)[0].leftovers


def test_both_keys_are_two_orders_of_one_bundle(tmp_path: Path) -> None:
    table = config.BundleTable(name="mail", names=(), key="both", webroot=tmp_path)

    assert ordering.wanted(table, means(config.Site())).keys == ("ecdsa", "rsa2048")
