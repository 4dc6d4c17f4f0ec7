"""What Postfix serves, by the word of the real postconf(1) on written configurations."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.errors import ServerError
from certcheck.host.local import LocalHost
from certcheck.install.postfix import Postfix
from certcheck.install.server import Current, Slot
from tests.conftest import AS_NOBODY

MAIN = """\
compatibility_level = 3.6
inet_interfaces = all
smtpd_tls_security_level = may
smtpd_tls_chain_files = /tls/main.pem
"""
SMTP = "smtp inet n - n - - smtpd\n"
SUBMISSIONS = "submissions inet n - n - - smtpd -o smtpd_tls_wrappermode=yes"


def current(folder: Path, main: str = MAIN, master: str = SMTP) -> Current:
    (folder / "main.cf").write_text(main)
    (folder / "master.cf").write_text(master)
    # Postfix waits while main.cf is younger than two seconds, in case somebody is still writing.
    os.utime(folder / "main.cf", (0, 0))
    return Postfix(name="postfix", config=folder, host=LocalHost()).current()


def slot(label: str, chain: str) -> Slot:
    """A slot of one file, which may hold pairs of several key types."""
    path = Path(chain)
    return Slot(server="postfix", label=label, chain=path, key=path, several=True)


def listeners(found: Current) -> list[tuple[str, str | None, int]]:
    return [(each.scheme, each.address, each.port) for each in found.listeners]


def pairs(found: Current) -> list[tuple[str, str]]:
    return [(str(each.chain), str(each.key)) for each in found.slots]


CHAIN = slot("default smtpd_tls_chain_files", "/tls/main.pem")


def test_chain_files_are_the_default_slots(tmp_path: Path) -> None:
    two = "smtpd_tls_chain_files = $config_directory/rsa.pem,\n  ${config_directory}/ec.pem\n"

    found = current(tmp_path, MAIN.replace("smtpd_tls_chain_files = /tls/main.pem\n", two))

    assert pairs(found) == [(f"{tmp_path}/{n}.pem",) * 2 for n in ("rsa", "ec")]
    assert {s.label for s in found.slots} == {"default smtpd_tls_chain_files"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("cert_file = /c.pem\nsmtpd_tls_key_file = /c.key", [("/c.pem", "/c.key")]),
        ("cert_file = /c.pem", [("/c.pem", "/c.pem")]),
        ("cert_file = /c.pem\nsmtpd_tls_key_file =", [("/c.pem", "/c.pem")]),
        ("cert_file = none", []),
        ("eccert_file = /e.pem\nsmtpd_tls_eckey_file = /e.key", [("/e.pem", "/e.key")]),
        (
            "cert_file = /c.pem\nsmtpd_tls_eccert_file = /e.pem\nsmtpd_tls_eckey_file = /e.key",
            [("/c.pem", "/c.pem"), ("/e.pem", "/e.key")],
        ),
    ],
)
def test_certificate_and_key_may_be_two_files(
    tmp_path: Path, settings: str, expected: list[tuple[str, str]]
) -> None:
    main = MAIN.replace("chain_files = /tls/main.pem", settings)

    assert pairs(current(tmp_path, main)) == expected


def test_chain_files_make_postfix_ignore_the_pairs(tmp_path: Path) -> None:
    assert current(tmp_path, MAIN + "smtpd_tls_cert_file = /c.pem\n").slots == (CHAIN,)


@pytest.mark.parametrize(
    "option",
    [
        "-o smtpd_tls_chain_files=/tls/own.pem",
        "-o { smtpd_tls_chain_files = /tls/own.pem }",
        "-o smtpd_tls_chain_files=$own",
    ],
)
def test_a_service_may_have_a_certificate_of_its_own(tmp_path: Path, option: str) -> None:
    master = f"{SMTP}{SUBMISSIONS}\n  {option}\n"

    slots = current(tmp_path, f"{MAIN}own = /tls/own.pem\n", master).slots

    own = slot("service submissions smtpd_tls_chain_files", "/tls/own.pem")
    assert slots == (CHAIN, replace(own, port=465))


def test_services_on_one_port_are_told_apart_by_address(tmp_path: Path) -> None:
    master = "".join(
        f"192.0.2.{n}:25 inet n - n - - smtpd -o smtpd_tls_chain_files=/tls/{n}.pem\n"
        for n in (7, 8)
    )

    slots = current(tmp_path, MAIN, master).slots

    assert [(s.networks, s.port) for s in slots] == [(("192.0.2.7",), 25), (("192.0.2.8",), 25)]


@pytest.mark.parametrize(
    ("line", "listener"),
    [
        ("smtp inet n - n - - smtpd", ("smtp", None, 25)),
        ("25 inet n - y - 1 postscreen", ("smtp", None, 25)),
        ("2525 inet n - n - - smtpd", ("smtp", None, 2525)),
        ("submission inet n - n - - smtpd", ("submission", None, 587)),
        ("587 inet n - n - - smtpd -o syslog_name=x", ("submission", None, 587)),
        (SUBMISSIONS, ("submissions", None, 465)),
        ("smtps inet n - n - - smtpd -o { smtpd_tls_wrappermode = yes }",
         ("submissions", None, 465)),
        ("localhost:10025 inet n - n - - smtpd", ("smtp", "127.0.0.1", 10025)),
        ("192.0.2.7:smtp inet n - n - - smtpd", ("smtp", "192.0.2.7", 25)),
        ("[::1]:smtp inet n - n - - smtpd", ("smtp", "::1", 25)),
        ("mail.example.test:25 inet n - n - - smtpd", ("smtp", None, 25)),
    ],
)  # fmt: skip
def test_a_service_listens_where_master_cf_says(
    tmp_path: Path, line: str, listener: tuple[str, str | None, int]
) -> None:
    assert listeners(current(tmp_path, MAIN, f"{line}\n")) == [listener]


@pytest.mark.parametrize(
    ("interfaces", "addresses"),
    [
        ("all", [None]),
        ("loopback-only", ["127.0.0.1"]),
        ("127.0.0.1, [::1]", ["127.0.0.1", "::1"]),
        ("$myhostname, localhost", [None, "127.0.0.1"]),
    ],
)
def test_a_service_without_an_address_listens_on_all_interfaces_of_main_cf(
    tmp_path: Path, interfaces: str, addresses: list[str | None]
) -> None:
    found = current(tmp_path, MAIN.replace("= all", f"= {interfaces}"))

    assert listeners(found) == [("smtp", address, 25) for address in addresses]


@pytest.mark.parametrize(
    "line",
    [
        "#587 inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt",
        "smtpd pass - - n - - smtpd",
        "smtp unix - - n - - smtp",
        "25 inet n - n - - smtpd -o smtpd_tls_security_level=none",
        "25 inet n - n - - smtpd -o smtpd_tls_security_level=none -o smtpd_use_tls=yes",
        "8025 inet n - n - - spawn user=nobody argv=/bin/cat",
    ],
)
def test_a_service_without_tls_to_customers_does_not_count(tmp_path: Path, line: str) -> None:
    found = current(tmp_path, MAIN, f"{line}\n")

    assert (found.slots, found.listeners) == ((), ())


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ("smtpd_tls_security_level = may", True),
        ("smtpd_tls_security_level = encrypt", True),
        ("smtpd_tls_security_level = none", False),
        ("smtpd_tls_security_level =", False),
        ("smtpd_use_tls = yes", True),
        ("smtpd_enforce_tls = yes", True),
        ("smtpd_tls_security_level = none\nsmtpd_use_tls = yes", False),
    ],
)
def test_the_security_level_decides_whether_tls_is_offered(
    tmp_path: Path, settings: str, *, offered: bool
) -> None:
    found = current(tmp_path, MAIN.replace("smtpd_tls_security_level = may", settings))

    assert listeners(found) == ([("smtp", None, 25)] if offered else [])
    assert found.slots == ((CHAIN,) if offered else ())


def test_tables_for_sni_are_read_as_postmap_reads_them(tmp_path: Path) -> None:
    (tmp_path / "sni").write_text(
        "# SNI\ta comment\n"
        "\n"
        "a.example.test\t/tls/a.pem\n"
        "b.example.test   /tls/rsa.pem,\n"
        "  # a comment in between\n"
        "\t/tls/ec.pem\n"
        ".shop.test /tls/shop.pem\n"
        "empty.example.test\n"
    )

    slots = current(tmp_path, f"{MAIN}tls_server_sni_maps = hash:$config_directory/sni\n").slots

    table = f"hash:{tmp_path}/sni"
    rows = [
        ("a.example.test", "a.example.test", "/tls/a.pem"),
        ("b.example.test", "b.example.test", "/tls/rsa.pem"),
        ("b.example.test", "b.example.test", "/tls/ec.pem"),
        (".shop.test", "*.shop.test", "/tls/shop.pem"),
    ]
    assert slots == (
        CHAIN,
        *(
            replace(slot(f"tls_server_sni_maps {row}", file), names=(name,), table=table)
            for row, name, file in rows
        ),
    )


def test_where_a_service_has_its_own_tables_each_row_counts_at_its_ports_only(
    tmp_path: Path,
) -> None:
    (tmp_path / "sni").write_text("a.example.test /tls/a.pem\n")
    (tmp_path / "own").write_text("a.example.test /tls/own.pem\n")
    master = (
        f"{SMTP}587 inet n - n - - smtpd -o tls_server_sni_maps=hash:{tmp_path}/own\n"
        f"{SUBMISSIONS} -o tls_server_sni_maps=\n"
    )

    slots = current(tmp_path, f"{MAIN}tls_server_sni_maps = hash:{tmp_path}/sni\n", master).slots

    assert [(str(s.chain), s.port) for s in slots] == [
        ("/tls/main.pem", None),
        ("/tls/a.pem", 25),
        ("/tls/own.pem", 587),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "texthash:/etc/postfix/sni",
        "inline:{a=b}",
        "proxy:hash:/etc/postfix/sni",
        "regexp:/etc/postfix/sni",
        "pcre:/etc/postfix/sni",
        "mysql:/etc/postfix/sni.cf",
        "unionmap:{hash:/a, hash:/b}",
        "/etc/postfix/sni",
    ],
)
def test_a_table_that_postmap_cannot_rebuild_is_refused(tmp_path: Path, table: str) -> None:
    with pytest.raises(ServerError, match="a kind of table that certcheck cannot rebuild"):
        current(tmp_path, f"{MAIN}tls_server_sni_maps = {table}\n")


@pytest.mark.parametrize(
    ("main", "master", "words"),
    [
        (MAIN, "no-such-service inet n - n - - smtpd\n", "service no-such-service has no port"),
        (MAIN, "smtp inet n - n\n", "master.cf"),
        (MAIN + "a = $a\n" + "inet_interfaces = $a\n", SMTP, "Postfix refuses"),
    ],
)
def test_a_configuration_that_postfix_cannot_use_is_refused(
    tmp_path: Path, main: str, master: str, words: str
) -> None:
    with pytest.raises(ServerError, match=words) as refused:
        current(tmp_path, main, master)

    assert refused.value.hint


def test_only_root_may_ask(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from certcheck.host.local import LocalHost\n"
        "from certcheck.install.postfix import Postfix\n"
        f"server = Postfix(name='postfix', config=Path({str(tmp_path)!r}), host=LocalHost())\n"
        "try:\n    server.current()\n"
        "except Exception as e:\n    print(type(e).__name__, e.message)\n"
    )

    said = subprocess.run(
        [*AS_NOBODY, sys.executable, "-c", script],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert said.stdout == "Obstacle only root may look into Postfix's keys and reload it\n"
