"""What Dovecot serves, by the word of the real doveconf(1) on written configurations."""

from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.errors import ServerError
from certcheck.host.local import LocalHost
from certcheck.install.dovecot import Dovecot
from certcheck.install.server import Current, Slot

BASE = """\
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = </tls/main.pem
ssl_key = </tls/main.key
"""


def current(folder: Path, text: str) -> Current:
    config = folder / "dovecot.conf"
    config.write_text(text)
    return Dovecot(name="dovecot", config=config, host=LocalHost()).current()


def slot(label: str, stem: str) -> Slot:
    chain, key = Path(f"/tls/{stem}.pem"), Path(f"/tls/{stem}.key")
    return Slot(server="dovecot", label=label, chain=chain, key=key)


def block(opening: str, stem: str) -> str:
    return f"{opening} {{\n  ssl_cert = </tls/{stem}.pem\n  ssl_key = </tls/{stem}.key\n}}\n"


def listeners(found: Current) -> set[tuple[str, str | None, int]]:
    return {(each.scheme, each.address, each.port) for each in found.listeners}


MAIN = slot("default ssl_cert", "main")


def test_the_main_settings_are_the_default_slot(tmp_path: Path) -> None:
    assert current(tmp_path, BASE).slots == (MAIN,)


def test_a_second_certificate_for_another_key_type_is_a_slot(tmp_path: Path) -> None:
    more = "ssl_alt_cert = </tls/rsa.pem\nssl_alt_key = </tls/rsa.key\n"

    assert current(tmp_path, BASE + more).slots == (MAIN, slot("default ssl_alt_cert", "rsa"))


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("a.example.test", ("a.example.test",)),
        ('"a.example.test b.example.test"', ("a.example.test", "b.example.test")),
        ("*.shop.test", ("*.shop.test",)),
        ('"shop.test *.shop.test"', ("shop.test", "*.shop.test")),
    ],
)
def test_a_local_name_block_serves_its_names(
    tmp_path: Path, written: str, names: tuple[str, ...]
) -> None:
    slots = current(tmp_path, BASE + block(f"local_name {written}", "shop")).slots

    label = f"local_name {' '.join(names)} ssl_cert"
    assert slots == (MAIN, replace(slot(label, "shop"), names=names))


@pytest.mark.parametrize("network", ["192.0.2.0/24", "192.0.2.7", "2001:db8::/32"])
def test_a_local_block_serves_its_network(tmp_path: Path, network: str) -> None:
    slots = current(tmp_path, BASE + block(f"local {network}", "net")).slots

    assert slots == (
        MAIN,
        replace(slot(f"local {network} ssl_cert", "net"), networks=(network,)),
    )


def test_a_protocol_block_serves_its_protocol(tmp_path: Path) -> None:
    slots = current(tmp_path, BASE + block("protocol imap", "imap")).slots

    assert slots == (MAIN, replace(slot("protocol imap ssl_cert", "imap"), protocol="imap"))


def test_a_protocol_block_inside_a_local_block_is_both(tmp_path: Path) -> None:
    inner = f"local 192.0.2.0/24 {{\n{block('protocol imap', 'both')}}}\n"

    slots = current(tmp_path, BASE + inner).slots

    both = slot("local 192.0.2.0/24 protocol imap ssl_cert", "both")
    assert slots == (MAIN, replace(both, networks=("192.0.2.0/24",), protocol="imap"))


def test_a_block_without_a_key_uses_the_key_around_it(tmp_path: Path) -> None:
    slots = current(tmp_path, BASE + "local_name a.test {\n  ssl_cert = </tls/a.pem\n}\n").slots

    assert [(s.chain, s.key) for s in slots[1:]] == [(Path("/tls/a.pem"), MAIN.key)]


def test_a_block_with_a_key_of_its_own_is_a_slot_too(tmp_path: Path) -> None:
    slots = current(tmp_path, BASE + "local_name a.test {\n  ssl_key = </tls/a.key\n}\n").slots

    assert [(s.chain, s.key) for s in slots[1:]] == [(MAIN.chain, Path("/tls/a.key"))]


def test_a_block_that_names_no_certificate_is_no_slot(tmp_path: Path) -> None:
    more = "local_name a.test {\n  ssl_min_protocol = TLSv1.2\n}\n"

    assert current(tmp_path, BASE + more).slots == (MAIN,)


def test_a_path_may_have_blanks_and_quotes(tmp_path: Path) -> None:
    text = BASE.replace("</tls/main.pem", '"</tls/my certificate.pem"')

    assert current(tmp_path, text).slots[0].chain == Path("/tls/my certificate.pem")


@pytest.mark.parametrize("value", ["hello {", "hello } there", "local_name a.test {", "# hello"])
def test_a_value_that_looks_like_a_block_is_none(tmp_path: Path, value: str) -> None:
    found = current(tmp_path, f'{BASE}login_greeting = "{value}"\n')

    assert found.slots == (MAIN,)
    assert listeners(found) == {("imap", "127.0.0.1", 143), ("imaps", "127.0.0.1", 993)}


def test_included_files_count(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-ssl.conf").write_text(block("local_name a.test", "a"))
    (tmp_path / "main.conf").write_text(BASE)

    slots = current(tmp_path, "!include main.conf\n!include conf.d/*.conf\n").slots

    assert slots == (MAIN, replace(slot("local_name a.test ssl_cert", "a"), names=("a.test",)))


def test_every_protocol_that_is_switched_on_has_its_listeners(tmp_path: Path) -> None:
    lmtp = "service lmtp {\n  inet_listener lmtp {\n    port = 24\n  }\n}\n"
    text = BASE.replace("= imap\n", "= imap pop3 sieve submission lmtp\n")

    assert listeners(current(tmp_path, text + lmtp)) == {
        ("imap", "127.0.0.1", 143),
        ("imaps", "127.0.0.1", 993),
        ("pop3", "127.0.0.1", 110),
        ("pop3s", "127.0.0.1", 995),
        ("sieve", "127.0.0.1", 4190),
        ("submission", "127.0.0.1", 587),
        ("lmtp", "127.0.0.1", 24),
    }


def test_a_protocol_that_is_left_out_has_none(tmp_path: Path) -> None:
    found = current(tmp_path, BASE.replace("= imap\n", "= pop3\n"))

    assert listeners(found) == {("pop3", "127.0.0.1", 110), ("pop3s", "127.0.0.1", 995)}


@pytest.mark.parametrize(
    ("settings", "listener"),
    [
        ("port = 1143", ("imap", "127.0.0.1", 1143)),
        ("port = 1993\nssl = yes", ("imaps", "127.0.0.1", 1993)),
        ("port = 1143\naddress = 192.0.2.7", ("imap", "192.0.2.7", 1143)),
        ("port = 1143\naddress = [2001:db8::7]", ("imap", "2001:db8::7", 1143)),
        ("port = 1143\naddress = mail.example.test", ("imap", None, 1143)),
    ],
)
def test_a_further_listener_has_its_own_port_and_address(
    tmp_path: Path, settings: str, listener: tuple[str, str | None, int]
) -> None:
    more = f"service imap-login {{\n inet_listener other {{\n{settings}\n }}\n}}\n"

    assert listener in listeners(current(tmp_path, BASE + more))


def test_a_listener_on_two_addresses_is_two(tmp_path: Path) -> None:
    settings = "port = 1143\n  address = 192.0.2.7, ::1"
    more = f"service imap-login {{\n inet_listener other {{\n  {settings}\n }}\n}}\n"

    found = listeners(current(tmp_path, BASE + more))

    assert {("imap", "192.0.2.7", 1143), ("imap", "::1", 1143)} <= found


def test_port_0_switches_a_listener_off(tmp_path: Path) -> None:
    more = "service imap-login {\n inet_listener imap {\n  port = 0\n }\n}\n"

    assert listeners(current(tmp_path, BASE + more)) == {("imaps", "127.0.0.1", 993)}


def test_submission_over_tls_is_told_from_submission(tmp_path: Path) -> None:
    more = "service submission-login {\n inet_listener s {\n  port = 465\n  ssl = yes\n }\n}\n"

    found = listeners(current(tmp_path, BASE.replace("= imap\n", "= submission\n") + more))

    assert found == {("submission", "127.0.0.1", 587), ("submissions", "127.0.0.1", 465)}


@pytest.mark.parametrize(
    ("listen", "addresses"),
    [
        ("*, ::", {None}),
        ("*", {None}),
        ("localhost", {"127.0.0.1"}),
        ("192.0.2.7 192.0.2.8", {"192.0.2.7", "192.0.2.8"}),
        ("mail.example.test", {None}),
    ],
)
def test_the_addresses_to_listen_on(
    tmp_path: Path, listen: str, addresses: set[str | None]
) -> None:
    found = current(tmp_path, BASE.replace("listen = 127.0.0.1", f"listen = {listen}"))

    assert {each.address for each in found.listeners} == addresses
    assert len(found.listeners) == 2 * len(addresses)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BASE.replace("ssl = yes", "ssl = no"), "ssl = no: this Dovecot offers no TLS"),
        (BASE.replace("</tls/main.pem", "-----BEGIN"), "ssl_cert names no file by its full path"),
        (BASE.replace("</tls/main.pem", "<main.pem"), "ssl_cert names no file by its full path"),
        (BASE.replace("ssl_key", "#ssl_key"), "ssl_key names no file by its full path"),
        (BASE + "service imap-login {\n", "Missing '}'"),
        (BASE + "ssl_certificate = x\n", "line 6: Unknown setting: ssl_certificate"),
        (BASE + "!include gone.conf\n", "line 6: No matches"),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ServerError) as refused:
        current(tmp_path, text)

    assert words in refused.value.message
    assert refused.value.hint
