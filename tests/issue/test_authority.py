from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.errors import InputError
from certcheck.issue.authority import Authority, checked, eab_key

GOOD = Authority(directory="https://ca.example.test/dir")


@pytest.mark.parametrize(
    "url",
    ["", "ca.example.test", "http://ca.example.test/dir", "https://", "https://[::1", "file:///x"],
)
def test_a_directory_must_be_an_https_url(url: str) -> None:
    with pytest.raises(InputError, match="not the URL of an ACME directory"):
        checked(replace(GOOD, directory=url))


@pytest.mark.parametrize(
    "half", [{"eab_kid": "kid", "eab_key": None}, {"eab_kid": None, "eab_key": "abc"}]
)
def test_half_an_external_account_binding_is_refused(half: dict[str, str | None]) -> None:
    with pytest.raises(InputError, match="both eab_kid and eab_key_file"):
        checked(replace(GOOD, **half))  # type: ignore[arg-type]


def test_an_hmac_key_that_is_not_base64url_is_refused_and_not_told() -> None:
    with pytest.raises(InputError, match="not base64url") as e:
        checked(replace(GOOD, eab_kid="kid", eab_key="+secret/="))

    assert "secret" not in str(e.value)
    assert "secret" not in repr(replace(GOOD, eab_kid="kid", eab_key="secret"))


def test_a_ca_file_must_be_readable_pem(tmp_path: Path) -> None:
    (garbage := tmp_path / "garbage.pem").write_text("no certificate")

    with pytest.raises(InputError, match="cannot be read: No such file"):
        checked(replace(GOOD, ca_file=tmp_path / "missing.pem"))
    with pytest.raises(InputError, match="holds no certificate"):
        checked(replace(GOOD, ca_file=garbage))


def test_a_sound_authority_passes() -> None:
    sound = replace(GOOD, eab_kid="kid", eab_key="c2VjcmV0")

    assert checked(sound) is sound


def test_the_hmac_key_is_read_from_its_file(tmp_path: Path) -> None:
    (file := tmp_path / "eab").write_text("c2VjcmV0_-==\n")

    assert eab_key(file) == "c2VjcmV0_-=="


@pytest.mark.parametrize("content", [b"", b"two words", b"+/", b"\xff\xfe", b"A", b"c2VjA=="])
def test_a_file_that_holds_no_hmac_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (file := tmp_path / "eab").write_bytes(content)

    with pytest.raises(InputError, match="not base64url"):
        eab_key(file)


def test_a_missing_hmac_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"eab_key_file .*missing cannot be read"):
        eab_key(tmp_path / "missing")
