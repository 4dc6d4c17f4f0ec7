"""Names with a certificate of their own: Dovecot's local_name, Postfix's SNI tables."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.lab import Lab, pki
from certcheck.model.endpoint import Endpoint
from certcheck.names import hostname
from certcheck.targets import endpoint
from tests.conftest import Certcheck
from tests.live.hosting import failing_reload, files, leaf, with_sni_table
from tests.live.referee import shown

SHOP, CUSTOMER = "shop.example.test", "customer.example.test"


@pytest.fixture
def named(fresh_lab: Lab) -> Lab:
    """A lab that serves two more names: one that a bundle covers, and one that none does."""
    for name in (SHOP, CUSTOMER):
        identity = pki.make(pki.Shape(names=(name,), key="rsa2048"))
        for server in ("dovecot", "postfix"):
            path = fresh_lab.path / server / f"{name}.pem"
            path.write_bytes(identity.key_first)
            path.chmod(0o600)
    with fresh_lab.config.open("a") as stream:
        stream.write(
            f'[[bundle]]\nname = "shop"\nnames = ["{SHOP}"]\nhttp_port = {fresh_lab.http01_port}\n'
        )
    _dovecot(fresh_lab.path / "dovecot")
    _postfix(fresh_lab.path / "postfix")
    return fresh_lab


def _dovecot(folder: Path) -> None:
    blocks = "".join(
        f"local_name {name} {{\n  ssl_cert = <{folder}/{name}.pem\n"
        f"  ssl_key = <{folder}/{name}.pem\n}}\n"
        for name in (SHOP, CUSTOMER)
    )
    config = folder / "dovecot.conf"
    config.write_text(config.read_text() + blocks)
    subprocess.run(["doveadm", "-c", config, "reload"], check=True, timeout=30)


def _postfix(folder: Path) -> None:
    rows = "".join(f"{name}\t{folder}/{name}.pem\n" for name in (SHOP, CUSTOMER))
    with_sni_table(folder, rows)


def leaves(lab: Lab, name: str) -> set[str]:
    """What IMAPS and SMTP serve for a name."""
    services = [endpoint(u) for u in lab.host.endpoints if u.startswith(("imaps:", "smtp:"))]
    return {shown(_called(service, name), "127.0.0.1") for service in services}


def _called(service: Endpoint, name: str) -> Endpoint:
    return replace(service, host=hostname(name))


def test_each_name_gets_its_own_bundle_and_a_foreign_one_is_kept(
    named: Lab, certcheck: Certcheck
) -> None:
    customer = leaves(named, CUSTOMER)
    assert certcheck("issue", "-c", named.config).code == 0

    done = certcheck("install", "-c", named.config, "--json")

    assert done.code == 0
    assert leaves(named, "imap.example.test") == {leaf(named, "mail/1")}
    assert leaves(named, SHOP) == {leaf(named, "shop/1")}
    assert leaves(named, CUSTOMER) == customer
    kept = [a["target"] for a in done.document["actions"] if a["state"] == "kept"]
    assert len(kept) == 2
    assert all(CUSTOMER in target for target in kept)
    assert "rebuild_map" in [a["kind"] for a in done.document["actions"]]


def test_what_fails_late_is_undone_with_the_table(
    named: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before, old = files_of(named), leaves(named, SHOP)
    assert certcheck("issue", "-c", named.config).code == 0

    env = failing_reload(tmp_path, "postfix")
    undone = certcheck("install", "-c", named.config, "--json", env=env)

    assert undone.code == 4
    assert files_of(named) == before
    assert leaves(named, SHOP) == old


def files_of(lab: Lab) -> dict[str, bytes]:
    """Every certificate file of the two servers, with its content."""
    extra = {str(p): p.read_bytes() for p in lab.path.glob("*/*.example.test.pem")}
    return extra | {path: facts[0] for path, facts in files(lab).items()}
