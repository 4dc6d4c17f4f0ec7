import datetime as dt
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.judge.trust import trusted
from certcheck.model.certificate import Certificate
from tests.judge.making import NOW, Maker

_NAME = "mail.example.org"


def _chain(maker: Maker, *names: str) -> tuple[Certificate, ...]:
    return tuple(maker.certificate(name) for name in names)


def test_a_chain_to_a_root_is_trusted() -> None:
    maker = Maker()

    answer = trusted(
        _chain(maker, "leaf", "intermediate"), _chain(maker, "root"), name=_NAME, now=NOW
    )

    assert answer == ("pass", "")


def test_the_order_of_the_chain_and_strangers_in_it_do_not_matter() -> None:
    maker = Maker()
    chain = _chain(maker, "leaf", "stranger", "root", "intermediate")

    assert trusted(chain, _chain(maker, "stranger", "root"), name=_NAME, now=NOW)[0] == "pass"


def test_the_time_is_taken_as_given_whatever_its_zone() -> None:
    maker = Maker({"leaf": {"starts": -0.01, "ends": 0.01}})
    chain, roots = _chain(maker, "leaf", "intermediate"), _chain(maker, "root")
    elsewhere = dt.timezone(dt.timedelta(hours=9))

    assert trusted(chain, roots, name=_NAME, now=NOW.astimezone(elsewhere))[0] == "pass"


@pytest.mark.parametrize(
    ("shape", "chain", "reason"),
    [
        ({}, ("leaf",), "the chain leads to no root of this store"),
        ({"issuer": "stranger"}, ("leaf", "stranger"), "the chain leads to no root of this store"),
        ({"issuer": "self"}, ("leaf",), "self-signed"),
        ({"issuer": "self", "is_ca": True}, ("leaf",), "self-signed"),
        ({"issuer": "self", "key": "rsa2048", "signature": "sha1"}, ("leaf",), "self-signed"),
        ({"starts": -90, "ends": -1}, ("leaf", "intermediate"), "expired"),
        ({"starts": 1, "ends": 90}, ("leaf", "intermediate"), "not yet valid"),
        ({"names": ["other.example"]}, ("leaf", "intermediate"), f"does not name {_NAME}"),
        ({"is_ca": True}, ("leaf", "intermediate"), "the server's certificate is a CA certificate"),
        (
            {"key": "rsa2048", "signature": "sha1"},
            ("leaf", "intermediate"),
            "a signature of the chain is too old or of an unusual kind",
        ),
    ],
)
def test_a_refused_chain_says_why_in_our_words(
    shape: dict[str, object], chain: tuple[str, ...], reason: str
) -> None:
    maker = Maker({"leaf": shape})

    answer = trusted(_chain(maker, *chain), _chain(maker, "root"), name=_NAME, now=NOW)

    assert answer == ("fail", reason)


def test_a_self_signed_certificate_is_not_trusted_even_as_its_own_root() -> None:
    maker = Maker({"leaf": {"issuer": "self"}})
    leaf = _chain(maker, "leaf")

    assert trusted(leaf, leaf, name=_NAME, now=NOW) == ("fail", "self-signed")


def test_an_expired_intermediate_is_told_apart_from_an_expired_leaf() -> None:
    old = {"names": (), "common_name": "Old", "issuer": "root", "is_ca": True, "ends": -1.0}
    maker = Maker({"old": {**old, "starts": -100}, "leaf": {"issuer": "old"}})

    verdict, reason = trusted(
        _chain(maker, "leaf", "old"), _chain(maker, "root"), name=_NAME, now=NOW
    )

    assert (verdict, "intermediate or root" in reason) == ("fail", True)


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["*.example.org"], "mail_1.example.org"),
        (["xn--strae-oqa.de"], "xn--strae-oqa.de"),
    ],
)
def test_unusual_names_are_judged_too(names: list[str], name: str) -> None:
    maker = Maker({"leaf": {"names": names}})

    answer = trusted(
        _chain(maker, "leaf", "intermediate"), _chain(maker, "root"), name=name, now=NOW
    )

    assert answer == ("pass", "")


def test_what_cannot_be_asked_is_inconclusive() -> None:
    maker = Maker({"leaf": {"facts": {"names": ("a_b.example",)}}})
    chain = _chain(maker, "leaf", "intermediate")
    plain = _chain(Maker(), "leaf", "intermediate")

    assert trusted(chain, _chain(maker, "root"), name="a_b.example", now=NOW)[0] == "inconclusive"
    assert trusted(plain, (), name=_NAME, now=NOW) == ("inconclusive", "the store is empty")
    unreadable = replace(plain[1], der=b"\x30\x00")
    assert trusted(plain, (unreadable,), name=_NAME, now=NOW)[0] == "inconclusive"


def test_unreadable_certificates_never_raise() -> None:
    maker = Maker()
    leaf, intermediate = _chain(maker, "leaf", "intermediate")
    roots = _chain(maker, "root")

    broken = replace(leaf, der=b"")
    assert trusted((), roots, name=_NAME, now=NOW)[0] == "fail"
    assert trusted((broken, intermediate), roots, name=_NAME, now=NOW)[0] == "fail"
    assert trusted((leaf, broken, intermediate), roots, name=_NAME, now=NOW)[0] == "pass"


def test_a_root_as_openssl_makes_it_by_default_is_a_root(tmp_path: Path) -> None:
    # `openssl req -x509` sets no key usage, and programs accept the root all the same.
    leaf = _by_openssl(tmp_path)
    root = x509.chain((tmp_path / "ca.pem").read_bytes(), where="root")

    assert trusted(leaf, root, name="z.test", now=dt.datetime.now(dt.UTC)) == ("pass", "")


def _by_openssl(folder: Path) -> tuple[Certificate, ...]:
    new = ("-newkey", "rsa:2048", "-nodes")
    (folder / "ext").write_text("subjectAltName=DNS:z.test\nbasicConstraints=CA:FALSE\n")
    for words in (
        ("req", "-x509", *new, "-subj", "/CN=plain", "-keyout", "ca.key", "-out", "ca.pem"),
        ("req", "-new", *new, "-subj", "/CN=z.test", "-keyout", "l.key", "-out", "l.csr"),
        ("x509", "-req", "-in", "l.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-extfile", "ext", "-out", "l.pem"),
    ):  # fmt: skip
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    return x509.chain((folder / "l.pem").read_bytes(), where="leaf")
