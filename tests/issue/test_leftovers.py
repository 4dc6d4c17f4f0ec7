"""What a killed run left presented is taken down by another process, and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.host.local import LocalHost
from certcheck.issue import dns01
from certcheck.issue.http01 import Listener, Webroot, solver
from certcheck.issue.leftovers import take_down
from certcheck.store import orders
from certcheck.store.orders import Order, Presented
from tests.issue.play import TOKEN, begun, challenge

HOST = LocalHost()
WELL_KNOWN = ".well-known/acme-challenge"


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return begun(tmp_path / "state", "https://ca.example/dir")


@pytest.fixture
def webroot(tmp_path: Path) -> Path:
    (folder := tmp_path / "www").mkdir()
    return folder


def left(order: Order, webroot: Path, *, token: str = TOKEN) -> None:
    """As a run leaves it that is killed while a challenge is presented."""
    up = Webroot(webroot)
    place = up.place
    order.present(
        Presented(
            kind="http-01",
            place=place,
            name="mail.example.test",
            token=token,
            key_authorization=f"{token}.thumb",
        )
    )
    up._put_up(token, b"x")


def test_a_token_and_the_directories_made_for_it_go(order: Order, webroot: Path) -> None:
    left(order, webroot)
    left(order, webroot, token="tok-EN_2")

    take_down(order, HOST)

    assert list(webroot.iterdir()) == []
    assert order.leftovers == ()
    assert orders.unfinished(order.folder.parent.parent)[0].leftovers == ()


def test_directories_that_were_there_stay(order: Order, webroot: Path) -> None:
    (webroot / ".well-known").mkdir()
    left(order, webroot)

    take_down(order, HOST)

    assert [each.name for each in webroot.rglob("*")] == [".well-known"]


def test_other_files_stay(order: Order, webroot: Path) -> None:
    left(order, webroot)
    (webroot / WELL_KNOWN / "theirs").write_text("x")

    take_down(order, HOST)

    assert [each.name for each in (webroot / WELL_KNOWN).iterdir()] == ["theirs"]


def test_half_a_token_goes(order: Order, webroot: Path) -> None:
    left(order, webroot)
    (webroot / WELL_KNOWN / TOKEN).rename(webroot / WELL_KNOWN / f".{TOKEN}.0a1b2c3d")

    take_down(order, HOST)

    assert list(webroot.iterdir()) == []


def test_taking_down_twice_does_no_harm(order: Order, webroot: Path) -> None:
    left(order, webroot)
    Webroot(webroot, [".well-known", WELL_KNOWN]).take_down(challenge())

    take_down(order, HOST)

    assert order.leftovers == ()


def test_a_listener_has_ended_with_its_process(free_port: int) -> None:
    again = solver(Listener(free_port).place, HOST)

    again.take_down(challenge())

    assert again.place == Listener(free_port).place


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, kind="odd-01"),
        lambda one: replace(one, place="nowhere"),
        lambda one: replace(one, place='{"webroot": 5}'),
    ],
)
def test_a_place_that_nobody_knows_is_told(
    order: Order, change: Callable[[Presented], Presented]
) -> None:
    order.present(
        change(
            Presented(
                kind="http-01",
                place=Listener(80).place,
                name="mail.example.test",
                token=TOKEN,
                key_authorization="x",
            )
        )
    )

    with pytest.raises(Obstacle, match="may still be presented") as caught:
        take_down(order, HOST)

    assert "by hand" in caught.value.hint
    assert len(order.leftovers) == 1


def test_a_dns_hook_is_asked_to_clean_up(order: Order, tmp_path: Path) -> None:
    (program := tmp_path / "hook").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n')
    program.chmod(0o755)
    hook = dns01.solver(f"{program} --zone 'example test'", HOST)
    left = Presented(
        kind="dns-01",
        place=hook.place,
        name="mail.example.test",
        token=TOKEN,
        key_authorization="v" * 43,
    )
    order.present(left)

    take_down(order, HOST)

    asked = f"--zone example test cleanup _acme-challenge.mail.example.test {'v' * 43}\n"
    assert (tmp_path / "log").read_text() == asked
    assert order.leftovers == ()


def test_a_dns_hook_that_fails_is_asked_again(order: Order) -> None:
    order.present(
        Presented(
            kind="dns-01",
            place="false",
            name="mail.example.test",
            token=TOKEN,
            key_authorization="v" * 43,
        )
    )

    with pytest.raises(Obstacle, match="DNS hook, cleanup"):
        take_down(order, HOST)

    assert len(order.leftovers) == 1


def test_a_token_that_is_a_path_removes_nothing(webroot: Path) -> None:
    (webroot.parent / "precious").write_text("x")

    Webroot(webroot).take_down(challenge("../../../precious"))

    assert (webroot.parent / "precious").exists()
