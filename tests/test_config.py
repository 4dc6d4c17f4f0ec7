"""certcheck.toml: what is understood, and what is refused with one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from certcheck import config
from certcheck.errors import InputError
from certcheck.targets import endpoint

WHOLE = """
[site]
name = "Example Mail"
state = "state"
resolver = "127.0.0.1:5353"
[acme]
directory = "https://ca.example/dir"
ca_file = "ca.pem"
[[bundle]]
name = "mail"
names = ["mail.example.org", "*.example.org"]
http_port = 8080
[[host]]
name = "mail.example.org"
addresses = ["192.0.2.7", "2001:db8::7"]
[[server]]
name = "dovecot"
host = "mail.example.org"
kind = "dovecot"
config = "dovecot.conf"
bundle = "mail"
[[endpoint]]
url = "imap://mail.example.org"
bundle = "mail"
host = "mail.example.org"
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "certcheck.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        config.load(written(folder, text))
    assert "\n" not in caught.value.message
    return caught.value.message


def test_arguments_for_certbot_are_taken_apart_as_in_a_shell(tmp_path: Path) -> None:
    via = 'http_port = 8080\nvia = "certbot"\ncertbot_args = "-a manual --x \'a b\'"'

    site, _ = config.load(written(tmp_path, WHOLE.replace("http_port = 8080", via)))

    assert site.bundle[0].certbot_args == ("-a", "manual", "--x", "a b")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('certbot_args = "-a manual"', '[[bundle]] mail: certbot_args without via = "certbot"'),
        ('via = "certbot"\ncertbot_args = "\'a"', "certbot_args: No closing quotation"),
        ('via = "certbot"\ncertbot_args = "\\u0000"', "no null byte"),
        ('via = "lego"', "via: Input should be 'acme' or 'certbot'"),
    ],
)
def test_arguments_for_certbot_that_cannot_be_used(tmp_path: Path, lines: str, words: str) -> None:
    assert words in refused(tmp_path, WHOLE.replace("http_port = 8080", lines))


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    site, path = config.load(written(tmp_path, WHOLE))

    assert path == tmp_path / "certcheck.toml"
    assert site.site.state == tmp_path / "state"
    assert site.acme.ca_file == tmp_path / "ca.pem"
    assert site.server[0].config == tmp_path / "dovecot.conf"


def test_texts_become_types(tmp_path: Path) -> None:
    site, _ = config.load(written(tmp_path, WHOLE))

    assert site.resolver == ("127.0.0.1", 5353)
    assert site.endpoint[0].url.port == 143
    assert site.addresses_of(site.host[0].name) == ("192.0.2.7", "2001:db8::7")
    assert [n.ascii for n in site.bundle_of("mail").names] == ["mail.example.org", "*.example.org"]


def test_without_a_file_there_is_an_empty_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "PLACES", (Path("certcheck.toml"),))

    site, path = config.load(None)

    assert path is None
    assert site == config.Site()
    assert site.resolver is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[site]\nstat = 'x'", ["[site]", "unknown key 'stat'", "meant 'state'?"]),
        ("[sites]\n", ["unknown key 'sites'", "meant 'site'?"]),
        ("[[server]]\nnaem = 'x'\n", ["[[server]] 1: unknown key 'naem'", "meant 'name'?"]),
        ("[[bundle]]\nname = 'mail'\n", ["[[bundle]] 1: key 'names' is missing"]),
        ("[[bundle]]\nname = 'mail'\nnames = []\n", ["[[bundle]] 1: names:"]),
        ("[[bundle]]\nname = '../x'\nnames = ['a.example']\n", ["[[bundle]] 1: name:"]),
        ("[[bundle]]\nname = 'm'\nnames = ['../../etc']\n", ["host name '../../etc'"]),
        ("[[bundle]]\nname = 'm'\nnames = ['a.example']\nkey = 'dsa'\n", ["key: Input should be"]),
        ("[[endpoint]]\nurl = 'http://a.example'\n", ["unknown protocol 'http'"]),
        ("[[endpoint]]\nurl = 3\n", ["[[endpoint]] 1: url"]),
        ("[[endpoint]]\nurl = 'imap://a.example'\nbundle = 'x'\n", ["no [[bundle]] is called 'x'"]),
        ("[[endpoint]]\nurl = 'imap://a.example'\nhost = 'b.example'\n", ["no [[host]] is called"]),
        ("[[host]]\nname = '*.a.example'\n", ["[[host]] 1: name: ", "has a wildcard"]),
        ("[[endpoint]]\nurl = 'imap://[fe80::1%25eth0]'\n", ["[[endpoint]] 1: url: ", "a zone"]),
        ("[[host]]\nname = 'a.example'\naddresses = ['b.example']\n", ["is not an IP address"]),
        ("site = 3", ["site"]),
        ("[site]\nname = \n", ["certcheck.toml", "line 2"]),
        (b"\xff\xfe", ["not UTF-8"]),
        ('[site]\nstate = "a\\u0000b"\n', ["no null byte"]),
        ("x = " + "9" * 5000, ["certcheck.toml"]),
        ("x = " + "[" * 5000, ["certcheck.toml"]),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, text: str | bytes, words: list[str]
) -> None:
    message = refused(tmp_path, text)

    assert [word for word in words if word not in message] == []
    assert str(tmp_path / "certcheck.toml") in message


def test_an_endpoint_has_the_addresses_of_its_own_host(tmp_path: Path) -> None:
    second = """
[[host]]
name = "b.example.org"
addresses = ["192.0.2.8"]
[[endpoint]]
url = "submission://mail.example.org"
host = "b.example.org"
"""
    site, _ = config.load(written(tmp_path, WHOLE + second))

    assert site.addresses_at(site.endpoint[0].url) == ("192.0.2.7", "2001:db8::7")
    assert site.addresses_at(site.endpoint[1].url) == ("192.0.2.8",)
    assert site.addresses_at(endpoint("imaps://b.example.org")) == ("192.0.2.8",)
    assert site.addresses_at(endpoint("imaps://c.example.org")) == ()


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, "[site]\nx = 1\n[acme]\ny = 2\n")

    assert "unknown key 'x'" in message
    assert "unknown key 'y'" in message


def test_two_of_the_same_name_are_refused(tmp_path: Path) -> None:
    bundle = "[[bundle]]\nname = 'mail'\nnames = ['a.example']\n"

    assert "two [[bundle]] are called 'mail'" in refused(tmp_path, bundle + bundle)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "larger than 1 MiB" in refused(tmp_path, "#" * (1024 * 1024 + 1))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        config.load(tmp_path / "nowhere.toml")


def test_an_unknown_bundle_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    site, _ = config.load(written(tmp_path, WHOLE))

    with pytest.raises(InputError) as caught:
        site.bundle_of("mial")

    assert "mail" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
def test_a_planted_file_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(written(tmp_path, WHOLE), 4711, 4711)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InputError, match="another user"):
        config.load(None)

    assert config.load(Path("certcheck.toml"))[0].bundle


def test_without_a_file_nothing_is_loaded_that_reads_one(tmp_path: Path) -> None:
    script = "import sys; from certcheck import config; config.load(None); print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert {"pydantic", "pydantic_core"} & set(done.stdout.split()) == set()
