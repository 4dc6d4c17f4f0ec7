"""RSA and ECDSA side by side, in each way in which the servers take them."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from certcheck.lab import Lab, pki
from certcheck.lab.pki import KeyKind
from certcheck.lab.plan import BUNDLE
from certcheck.targets import endpoint
from tests.conftest import Certcheck
from tests.live.hosting import leaf, reconfigure, with_sni_table
from tests.live.referee import shown
from tests.making import CA

KINDS: dict[str, KeyKind] = {"ecdsa": "ecdsa", "rsa": "rsa2048"}


def old(folder: Path, name: str, *kinds: str) -> Path:
    """A file of Postfix's form with one old pair for each kind."""
    path = folder / f"{name}.pem"
    path.write_bytes(b"".join(pki.make(pki.Shape(key=KINDS[k])).key_first for k in kinds))
    path.chmod(0o600)
    return path


def two_chain_files(folder: Path) -> str:
    return f"chain_files = {old(folder, 'rsa', 'rsa')}, {old(folder, 'ec', 'ecdsa')}"


def one_chain_file(folder: Path) -> str:
    return f"chain_files = {old(folder, 'both', 'rsa', 'ecdsa')}"


def cert_and_eccert(folder: Path) -> str:
    return (
        f"cert_file = {old(folder, 'rsa', 'rsa')}\nsmtpd_tls_key_file = $smtpd_tls_cert_file\n"
        f"smtpd_tls_eccert_file = {old(folder, 'ec', 'ecdsa')}"
    )


def changed_postfix(lab: Lab, setting: str, *, chroot: bool = False) -> None:
    folder = lab.path / "postfix"
    main = folder / "main.cf"
    text = re.sub(r"(?<=smtpd_tls_)chain_files = .*", setting, main.read_text())
    if chroot:
        master = folder / "master.cf"
        # The first service only: the others need a SASL socket, which is outside.
        row = re.compile(r"(?m)^(\S+ inet n -) n (?=.* smtpd$)")
        rows = row.sub(r"\1 y ", master.read_text(), count=1)
        assert rows != master.read_text()
        master.write_text(rows)
    reconfigure(main, text)


def changed_dovecot(lab: Lab) -> None:
    folder = lab.path / "dovecot"
    config = folder / "dovecot.conf"
    alt = old(folder, "alt", "ecdsa")
    config.write_text(f"{config.read_text()}ssl_alt_cert = <{alt}\nssl_alt_key = <{alt}\n")
    subprocess.run(["doveadm", "-c", config, "reload"], check=True, timeout=30)


def imported(lab: Lab, certcheck: Certcheck, folder: Path, *kinds: str) -> str:
    options: list[str | Path] = []
    for kind in kinds:
        made = CA.issue(pki.Shape(names=BUNDLE, key=KINDS[kind]))
        (chain := folder / f"{kind}.chain").write_bytes(made.chain)
        (key := folder / f"{kind}.key").write_bytes(made.key)
        options += ["--chain", chain, "--key", key]
    done = certcheck("bundles", "import", "mail", "-c", lab.config, "--json", *options)
    assert done.code == 0
    ref: str = done.document["bundle"]
    return ref


def for_each_key(lab: Lab, scheme: str) -> dict[str, str]:
    """What clients of each key type see."""
    (service,) = [endpoint(url) for url in lab.host.endpoints if url.startswith(f"{scheme}:")]
    return {
        kind: shown(service, "127.0.0.1", "-tls1_2", "-cipher", f"a{kind.upper()}")
        for kind in KINDS
    }


def new(lab: Lab, ref: str) -> dict[str, str]:
    return {kind: leaf(lab, ref, kind) for kind in KINDS}


@pytest.mark.parametrize(
    ("form", "chroot"),
    [(two_chain_files, False), (one_chain_file, True), (cert_and_eccert, False)],
)
def test_both_key_types_are_installed_and_come_back(
    fresh_lab: Lab,
    certcheck: Certcheck,
    tmp_path: Path,
    form: Callable[[Path], str],
    chroot: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    changed_postfix(fresh_lab, form(fresh_lab.path / "postfix"), chroot=chroot)
    changed_dovecot(fresh_lab)
    before = {scheme: for_each_key(fresh_lab, scheme) for scheme in ("imaps", "smtp")}
    assert len({found for each in before.values() for found in each.values()}) == 4
    ref = imported(fresh_lab, certcheck, tmp_path, "ecdsa", "rsa")

    done = certcheck("install", "-c", fresh_lab.config, "--json")

    assert done.code == 0
    for scheme in before:
        assert for_each_key(fresh_lab, scheme) == new(fresh_lab, ref)
    assert certcheck("rollback", "-c", fresh_lab.config).code == 0
    assert {scheme: for_each_key(fresh_lab, scheme) for scheme in before} == before


def test_one_key_type_does_not_leave_the_other_in_place(
    fresh_lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    changed_dovecot(fresh_lab)
    before = for_each_key(fresh_lab, "imaps")
    imported(fresh_lab, certcheck, tmp_path, "rsa")

    refused = certcheck("install", "-c", fresh_lab.config)

    assert refused.code == 3
    assert "needs a certificate for ecdsa and rsa keys" in refused.complaint
    assert for_each_key(fresh_lab, "imaps") == before


def test_both_may_take_the_place_of_one(
    fresh_lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    ref = imported(fresh_lab, certcheck, tmp_path, "ecdsa", "rsa")

    planned = certcheck("install", "-c", fresh_lab.config, "--dry-run", "--json")
    done = certcheck("install", "-c", fresh_lab.config)

    notes = [row["note"] for row in planned.document["rows"]]
    assert any("dovecot default ssl_cert has room for one certificate" in n for n in notes)
    assert done.code == 0
    assert for_each_key(fresh_lab, "smtp") == new(fresh_lab, ref)
    assert for_each_key(fresh_lab, "imaps")["rsa"] == leaf(fresh_lab, ref, "rsa")


def test_an_sni_table_holds_both(fresh_lab: Lab, certcheck: Certcheck, tmp_path: Path) -> None:
    folder = fresh_lab.path / "postfix"
    name = "smtp.example.test"
    rows = f"{name} {old(folder, 'rsa', 'rsa')} {old(folder, 'ec', 'ecdsa')}\n"
    with_sni_table(folder, rows)
    ref = imported(fresh_lab, certcheck, tmp_path, "ecdsa", "rsa")

    assert certcheck("install", "-c", fresh_lab.config).code == 0

    assert for_each_key(fresh_lab, "smtp") == new(fresh_lab, ref)
