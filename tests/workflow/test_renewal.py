"""What certbot has renewed is found, judged and stored before an installation chooses."""

from dataclasses import replace
from pathlib import Path

import pytest

from certcheck import config, x509
from certcheck.cli import wiring
from certcheck.cli.options import Output, Probing
from certcheck.errors import Obstacle, UnfitBundle
from certcheck.lab import pki
from certcheck.model.bundle import Generation
from certcheck.store import bundles
from certcheck.workflow import lineage
from certcheck.workflow.means import Means
from certcheck.workflow.renewal import renewed, store, told
from tests.making import CA

MAIL = pki.Shape(names=("mail.example.test",))


@pytest.fixture
def means(tmp_path: Path) -> Means:
    path = tmp_path / "certcheck.toml"
    path.write_text(
        '[site]\nstate = "state"\n[[bundle]]\nname = "mail"\nnames = ["mail.example.test"]\n'
        '[[bundle]]\nname = "shop"\nnames = ["shop.example.test"]\n'
    )
    return wiring.means(config.load(path)[0], Probing(), Output(quiet=True), confirm=False)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A lineage as certbot lays it out, with a certificate for the bundle `mail`."""
    folder = tmp_path / "le" / "live" / "mail"
    archive = tmp_path / "le" / "archive" / "mail"
    for each in (folder, archive, tmp_path / "le" / "renewal"):
        each.mkdir(parents=True)
    for name in ("fullchain", "privkey"):
        (folder / f"{name}.pem").symlink_to(f"../../archive/mail/{name}1.pem")
    settings = "[renewalparams]\nserver = https://ca.example/dir\n"
    (tmp_path / "le" / "renewal" / "mail.conf").write_text(settings)
    certbot_renews(folder)
    return folder


def certbot_renews(live: Path, shape: pki.Shape = MAIL) -> None:
    made = CA.issue(shape)
    (live / "fullchain.pem").resolve().write_bytes(made.chain)
    (live / "privkey.pem").resolve().write_bytes(made.key)


def read(live: Path, means: Means) -> Generation:
    return lineage.read(
        live, bundle="mail", state=means.site.site.state, host=means.host, now=means.clock()
    )


def keep(live: Path, means: Means) -> Generation:
    generation = read(live, means)
    store((generation,), means)
    return generation


def test_a_lineage_is_read_as_the_next_generation(live: Path, means: Means) -> None:
    found = read(live, means)

    assert found.ref == "mail/1"
    assert found.names == ("mail.example.test",)
    assert found.authority == "https://ca.example/dir"
    assert found.lineage == str(live)
    assert found.pairs[0].key_pem == (live / "privkey.pem").read_bytes()
    assert x509.pem(found.pairs[0].chain) == (live / "fullchain.pem").read_bytes()


def test_without_its_settings_a_lineage_is_certbots_all_the_same(live: Path, means: Means) -> None:
    (live.parent.parent / "renewal" / "mail.conf").unlink()

    assert read(live, means).authority == "certbot"


def test_a_renewed_lineage_is_the_next_generation(live: Path, means: Means) -> None:
    first = keep(live, means)

    assert renewed(["mail", "shop"], means, announced=None) == ()

    certbot_renews(live)
    (fresh,) = renewed(["mail", "shop"], means, announced=None)

    assert fresh.ref == "mail/2"
    assert fresh.leaves != first.leaves
    assert told(fresh) == f"mail/2 is what certbot has renewed in {live}"
    assert bundles.numbers(means.site.site.state, "mail") == (1,)


def test_a_bundle_that_is_not_asked_for_is_left_alone(live: Path, means: Means) -> None:
    keep(live, means)
    certbot_renews(live)

    assert renewed(["shop"], means, announced=live) == ()


def test_an_announced_lineage_with_the_names_of_a_bundle_is_its_first_generation(
    live: Path, means: Means
) -> None:
    (fresh,) = renewed(["mail", "shop"], means, announced=live)

    assert fresh.ref == "mail/1"


@pytest.mark.parametrize(
    "names", [("www.example.test",), ("mail.example.test", "www.example.test")]
)
def test_an_announced_lineage_with_other_names_is_somebody_elses(
    live: Path, means: Means, names: tuple[str, ...]
) -> None:
    certbot_renews(live, pki.Shape(names=names))

    assert renewed(["mail", "shop"], means, announced=live) == ()


def test_the_announced_lineage_counts_before_the_kept_one(
    live: Path, means: Means, tmp_path: Path
) -> None:
    keep(live, means)
    other = tmp_path / "le" / "live" / "mail-0001"
    other.mkdir()
    certbot_renews(other)

    (fresh,) = renewed(["mail"], means, announced=other)

    assert fresh.lineage == str(other)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (replace(MAIL, names=("other.example.test",)), "does not name mail.example.test"),
        (replace(MAIL, starts=-90, ends=-1), "expired"),
    ],
)
def test_an_unfit_lineage_is_not_taken_over(
    live: Path, means: Means, shape: pki.Shape, words: str
) -> None:
    keep(live, means)
    certbot_renews(live, shape)

    with pytest.raises(Obstacle) as caught:
        renewed(["mail"], means, announced=None)

    assert words in caught.value.message
    assert str(live) in caught.value.message
    assert "certcheck install mail/1" in caught.value.hint


def test_a_half_renewed_lineage_is_not_taken_over(live: Path, means: Means) -> None:
    keep(live, means)
    (live / "fullchain.pem").resolve().write_bytes(CA.issue(MAIL).chain)

    with pytest.raises(Obstacle, match="the key does not match"):
        renewed(["mail"], means, announced=None)


@pytest.mark.parametrize("data", [None, b"", b"garbage", b"x" * 5_000_000])
@pytest.mark.parametrize("name", ["fullchain.pem", "privkey.pem"])
def test_an_unreadable_lineage_is_not_taken_over(
    live: Path, means: Means, name: str, data: bytes | None
) -> None:
    keep(live, means)
    certbot_renews(live)
    file = (live / name).resolve()
    file.unlink() if data is None else file.write_bytes(data)

    with pytest.raises(Obstacle) as caught:
        renewed(["mail"], means, announced=None)

    assert str(live) in caught.value.message
    assert "\n" not in caught.value.message


def test_what_was_kept_instead_of_ordered_is_told(live: Path, means: Means) -> None:
    found = read(live, means)

    lineage.refuse_other(found, key="ecdsa", directory="https://ca.example/dir")
    with pytest.raises(Obstacle) as caught:
        lineage.refuse_other(found, key="rsa2048", directory="https://other.example/dir")

    assert "its key is ECDSA P-256, not RSA 2048" in caught.value.message
    assert "from https://ca.example/dir, not from https://other.example/dir" in caught.value.message
    assert not isinstance(caught.value, UnfitBundle)
