import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from certcheck.errors import InputError
from certcheck.judge import profiles
from certcheck.judge.profiles import clients, selected, stacks
from certcheck.model.client import Client, Family
from certcheck.model.prediction import Evidence

_DATA = Path(profiles.__file__).with_name("data")
_STORES = {
    *("mozilla", "windows", "windows-xp", "debian-12", "node", "certifi", "system", "none"),
    *("cloud", "apple-old", "java-8-early"),
    *(f"apple-{n}" for n in (10, 12, 13, 14, 15, 16, 17, 18, 26)),
    *(f"android-{n}" for n in ("2.3", "4", "4.4", *range(5, 17))),
    *(f"java-{n}" for n in (6, 7, 8, 11, 17, 21, 25)),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder of data with one stack and one program, to be broken."""
    for name in ("stacks/nss-thunderbird-140.toml", "clients/thunderbird-140.toml"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(_DATA / name, tmp_path / name)
    return tmp_path


def _evidence(client: Client) -> Iterator[tuple[str, Evidence, tuple[str, ...]]]:
    yield "stack", client.stack_evidence, client.sources
    yield "store", client.store_evidence, client.sources
    yield "fingerprints", client.fingerprints_evidence, client.sources
    yield "dialogs", client.dialogs_evidence, client.sources
    yield "asking", client.asking.evidence, client.asking.sources


def test_every_program_loads_and_has_an_id_to_be_typed() -> None:
    assert len(clients()) == len(list((_DATA / "clients").iterdir()))
    for name in clients():
        assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name)


def test_the_programs_that_others_rely_on_are_there() -> None:
    assert {"thunderbird-140", "outlook-2016-windows-7", "mail-android-4.4"} <= set(clients())
    assert {each.family for each in clients().values()} == set(get_args(Family))


def test_every_stack_is_used() -> None:
    used = {each.stack.id for each in clients().values() if each.stack}

    assert used == set(stacks())


def test_whatever_is_known_has_a_source() -> None:
    for client in clients().values():
        for block, evidence, sources in _evidence(client):
            assert evidence == "unknown" or sources, (client.id, block)
            assert not [each for each in sources if "://" in each], (client.id, block)


def test_whatever_is_said_has_evidence() -> None:
    for client in clients().values():
        asking = client.asking
        reactions = {asking.untrusted, asking.name, asking.expired, asking.weak, asking.changed}
        for said, evidence in (
            (client.stack is not None, client.stack_evidence),
            (client.store is not None, client.store_evidence),
            (bool(client.fingerprints), client.fingerprints_evidence),
            (bool(client.dialogs), client.dialogs_evidence),
            (reactions != {"unknown"} or asking.scope != "unknown", asking.evidence),
        ):
            assert said == (evidence != "unknown"), client.id


def test_stores_years_and_languages_are_ones_that_exist() -> None:
    for client in clients().values():
        assert client.store is None or client.store in _STORES, client.id
        assert 1 <= len(client.years) <= 2, client.id
        assert list(client.years) == sorted(client.years), client.id
        assert set(client.dialogs) <= {"en", "de"}, client.id


def test_who_pins_refuses_a_new_certificate_and_who_relays_asks_nobody() -> None:
    for client in clients().values():
        asking = client.asking
        assert client.pins == (asking.changed == "refuses"), client.id
        assert client.family != "server" or client.roles == ("relay",), client.id
        if "relay" in client.roles:
            assert "asks" not in (asking.untrusted, asking.name, asking.expired), client.id


@pytest.mark.parametrize(
    ("file", "old", "new", "faults"),
    [
        ("clients/thunderbird-140", "family =", "famly =", ["unknown key 'famly'", "'family'?"]),
        ("clients/thunderbird-140", "[asking]", "[askin]", ["unknown key 'askin'", "'asking'?"]),
        ("clients/thunderbird-140", 'expired = "asks"', 'expired = "ask"', ["[asking] expired: "]),
        (
            "clients/thunderbird-140",
            '"nss-thunderbird-140"',
            '"nss-thunderbird-14"',
            ["stack: 'nss-thunderbird-14' is not a file in stacks/", "'nss-thunderbird-140'?"],
        ),
        (
            "stacks/nss-thunderbird-140",
            '"TLS_AES_128_GCM_SHA256"',
            '"TLS_AES_128_GCM_SHA265"',
            ["suites: 'TLS_AES_128_GCM_SHA265' is not", "'TLS_AES_128_GCM_SHA256'?"],
        ),
        ("stacks/nss-thunderbird-140", '"secp256r1"', '"secp256r2"', ["groups: 'secp256r2'"]),
        ("stacks/nss-thunderbird-140", "sni = true", "sni = ", ["Invalid value"]),
    ],
)
def test_a_typo_is_named_with_its_file_its_key_and_what_was_meant(
    copy: Path, file: str, old: str, new: str, faults: list[str]
) -> None:
    path = copy / f"{file}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    with pytest.raises(InputError) as caught:
        clients(copy)

    for fault in [f"{file}.toml: ", *faults]:
        assert fault in str(caught.value)


def test_a_file_that_is_too_large_or_no_text_is_refused(copy: Path) -> None:
    (copy / "clients" / "big.toml").write_text("#" * 70_000)
    with pytest.raises(InputError, match=r"clients/big\.toml: larger than 65536 bytes"):
        clients(copy)

    (copy / "clients" / "big.toml").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"clients/big\.toml: .*utf-8"):
        clients(copy)


def test_programs_are_selected_by_all_by_group_and_by_id() -> None:
    known = clients()

    def ids(wanted: str) -> list[str]:
        return [each.id for each in selected(wanted, known)]

    assert ids("all") == list(known)
    assert ids("thunderbird") == [x for x in known if known[x].family == "thunderbird"]
    assert ids("mutt-2.2, thunderbird-140,mutt-2.2") == ["mutt-2.2", "thunderbird-140"]


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("thunderbird-104", "'thunderbird-104'", "meant .*thunderbird-140"),
        ("Outlok", "'Outlok'", "meant .*outlook"),
        ("gmail", "'gmail'", "meant .*gmail-android-"),
        ("qqqqqqqqqqqqqqq", "'qqqqqqqqqqqqqqq'", "certcheck clients list"),
        (" , ", "no mail program is selected", "'all' selects every one"),
        ("", "no mail program is selected", "'all' selects every one"),
    ],
)
def test_an_unknown_selection_names_what_is_near(wanted: str, message: str, hint: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        selected(wanted, clients())

    assert re.search(hint, caught.value.hint or "")
