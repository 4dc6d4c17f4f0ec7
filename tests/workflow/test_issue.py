"""What an authority sends is judged before it is kept, and what was kept is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from certcheck import config
from certcheck.cli import wiring
from certcheck.cli.options import Output, Probing
from certcheck.errors import InputError, UnfitBundle
from certcheck.issue.http01 import Webroot
from certcheck.lab import pki
from certcheck.model.run import Run
from certcheck.names import hostname
from certcheck.workflow.issue import chosen, issue
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import Wanted
from tests.issue.conftest import Reply, Scripted, ScriptedMaker, https_identity, scripted
from tests.issue.play import CA, SMOOTH

__all__ = ["https_identity", "scripted"]  # fixtures of the issue room's tests

BLANK = Run(id="x", command="issue", version="0", started=wiring.now(), finished=wiring.now())


@pytest.fixture
def site(tmp_path: Path) -> config.Site:
    path = tmp_path / "certcheck.toml"
    path.write_text(
        '[site]\nstate = "state"\n[[bundle]]\nname = "mail"\nnames = ["mail.example.test"]\n'
        '[[bundle]]\nname = "shop"\nnames = ["shop.example.test"]\n'
    )
    return config.load(path)[0]


def means(site: config.Site) -> Means:
    return wiring.means(site, Probing(), Output(quiet=True), confirm=False)


def wanted(folder: Path, bundle: str, name: str) -> Wanted:
    return Wanted(bundle=bundle, names=(hostname(name),), keys=("ecdsa",), solver=Webroot(folder))


def ordered(ca: Scripted, site: config.Site, *which: Wanted) -> Run:
    return issue(BLANK, which, means(site), authority=ca.authority, dry_run=False)


def test_a_certificate_for_another_key_is_not_kept(
    scripted: ScriptedMaker, site: config.Site, tmp_path: Path
) -> None:
    # The scripted authority sends a certificate for a key that is not the one in the order.
    ca = scripted({**SMOOTH, "/c": Reply(body=CA.issue(pki.Shape()).chain)})

    run = ordered(ca, site, wanted(tmp_path, "mail", "mail.example.test"))

    assert run.error is not None
    assert run.exit_code == UnfitBundle.exit_code
    assert "key" in run.error.message
    assert run.rows == ()
    assert list(tmp_path.glob("state/bundles/*/*")) == []


def test_a_bundle_that_fails_is_named_among_several(
    scripted: ScriptedMaker, site: config.Site, tmp_path: Path
) -> None:
    ca = scripted({**SMOOTH, "/newOrder": Reply(status=403, body={"detail": "not you"})})

    run = ordered(
        ca,
        site,
        wanted(tmp_path, "mail", "mail.example.test"),
        wanted(tmp_path, "shop", "shop.example.test"),
    )

    assert run.error is not None
    assert run.error.message.startswith("bundle mail: ")
    assert run.exit_code == 3


def test_names_of_a_bundle_mean_the_whole_bundle(site: config.Site) -> None:
    assert [b.name for b in chosen(site, [hostname("shop.example.test")], None)] == ["shop"]
    assert [b.name for b in chosen(site, [], None)] == ["mail", "shop"]
    assert [b.name for b in chosen(site, [], "mail")] == ["mail"]


def test_new_names_make_a_bundle(site: config.Site) -> None:
    (new,) = chosen(site, [hostname("a.example"), hostname("b.example")], None)

    assert new.name == "a.example"
    assert [n.ascii for n in new.names] == ["a.example", "b.example"]
    assert chosen(site, [hostname("a.example")], "other")[0].name == "other"


@pytest.mark.parametrize(
    ("name", "bundle", "words"),
    [
        ("a.example", "mail", "does not list a.example"),
        ("a.example", "new/3", "names a generation"),
        ("shop.example.test", "mail", "belong to [[bundle]] shop"),
        ("a.example", "../x", "names no bundle"),
    ],
)
def test_a_bundle_that_does_not_fit_its_names_is_refused(
    site: config.Site, name: str, bundle: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        chosen(site, [hostname(name)], bundle)

    assert words in caught.value.message


def test_a_rehearsal_touches_nothing(site: config.Site, tmp_path: Path) -> None:
    nobody = wiring.authority(replace(site), "https://127.0.0.1:9/dir")

    run = issue(
        BLANK,
        [wanted(tmp_path, "mail", "mail.example.test")],
        means(site),
        authority=nobody,
        dry_run=True,
    )

    assert run.rows[0]["directory"] == "https://127.0.0.1:9/dir"
    assert not (tmp_path / "state").exists()
