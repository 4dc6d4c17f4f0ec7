"""Both hosts as the client's network sees them."""

import imaplib
import json
import re
import smtplib
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from dns import message, query, reversename

from certcheck import x509
from certcheck.lab.generations import Generations, Host, Mail
from certcheck.lab.generations.plan import (
    HASHED_USERS,
    LEGACY,
    MASTER,
    MASTER_PASSWORD,
    NEW_HOST,
    SERVICES,
)
from certcheck.lab.plan import HOST, USERS, User
from tests.lab.asking import until

STARTTLS = {
    "imap": ("-starttls", "imap"),
    "pop3": ("-starttls", "pop3"),
    "sieve": ("-starttls", "sieve"),
    "smtp": ("-starttls", "smtp"),
    "submission": ("-starttls", "smtp"),
}


def fingerprint(pem: bytes) -> str:
    return x509.chain(pem, where="test")[0].sha256


def served(lab: Generations, address: str, scheme: str, name: str = HOST) -> str:
    """The leaf that the openssl program is served there."""
    place = f"[{address}]" if ":" in address else address
    done = lab.client.run(
        [
            *("timeout", "10", "openssl", "s_client", "-connect", f"{place}:{SERVICES[scheme]}"),
            *("-servername", name, *STARTTLS.get(scheme, ())),
        ]
    )
    found = re.search(r"-----BEGIN.*?END CERTIFICATE-----\n", done.stdout, re.DOTALL)
    assert found, done.stderr
    return fingerprint(found[0].encode())


def on_disk(host: Host, prefix: str = "") -> str:
    return fingerprint(host.read(f"/etc/tls/{prefix}fullchain.pem"))


@pytest.mark.parametrize("scheme", SERVICES)
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_every_port_of_both_hosts_serves_its_own_certificate(
    lab: Generations, scheme: str, family: str
) -> None:
    seen = [served(lab, getattr(host.address, family), scheme) for host in lab.hosts]

    assert seen == [on_disk(host) for host in lab.hosts]
    assert seen[0] != seen[1]


def test_the_servers_are_of_two_generations(lab: Generations) -> None:
    assert [host.version("dovecot")[:4] for host in lab.hosts] == ["2.3.", "2.4."]
    assert [host.version("postfix").split(".")[:2] for host in lab.hosts] == [
        ["3", "5"],
        ["3", "10"],
    ]
    said = [host.run(["openssl", "version"]).stdout for host in lab.hosts]
    assert said[0].startswith("OpenSSL 1.1.1")
    assert said[1].startswith("OpenSSL 3.5")


def test_the_name_leads_to_the_old_host_and_its_chain_verifies(lab: Generations) -> None:
    done = lab.client.run(
        [
            *("openssl", "s_client", "-connect", f"{HOST}:993", "-servername", HOST),
            *("-verify_hostname", HOST, "-verify_return_error", "-CAfile", lab.old_root),
        ]
    )

    assert "Verify return code: 0 (ok)" in done.stdout
    assert "Server public key is 2048 bit" in done.stdout
    assert "CN = mail-new" not in done.stdout
    assert served(lab, HOST, "smtp") == on_disk(lab.old)


def test_a_second_name_has_a_certificate_of_its_own(lab: Generations) -> None:
    address = lab.old.address.ipv4

    for scheme in ("imaps", "smtp"):
        assert served(lab, address, scheme, LEGACY) == on_disk(lab.old, "legacy.")
        assert served(lab, address, scheme, LEGACY) != on_disk(lab.old)


def test_the_new_host_starts_with_a_certificate_that_it_has_signed_itself(
    lab: Generations,
) -> None:
    (leaf,) = x509.chain(lab.new.read("/etc/tls/fullchain.pem"), where="test")

    assert leaf.issuer == leaf.subject
    assert NEW_HOST in leaf.subject


def test_dovecot_2_4_refuses_the_oldest_password_hash_only(lab: Generations) -> None:
    refused = {
        host.name: [user.scheme for user in HASHED_USERS if not logs_in(lab, host, user.login)]
        for host in lab.hosts
    }

    assert refused == {lab.old.name: [], lab.new.name: ["MD5-CRYPT"]}


def logs_in(lab: Generations, host: Host, login: str) -> bool:
    password = next(user.password for user in HASHED_USERS if user.login == login)
    try:
        lab.door(host.address.ipv4).session(User(login=login, password=password)).logout()
    except imaplib.IMAP4.error:
        return False
    return True


def test_the_master_user_opens_everybodys_mailbox(lab: Generations) -> None:
    for host in lab.hosts:
        user = User(login=f"{USERS[0].login}*{MASTER}", password=MASTER_PASSWORD)

        session = lab.door(host.address.ipv4).session(user)

        assert session.select("INBOX")[0] == "OK"
        session.logout()


def test_mail_comes_in_on_both_hosts(lab: Generations) -> None:
    for host in lab.hosts:
        dial = partial(smtplib.SMTP, host.address.ipv4, 25, timeout=10)
        with lab.client.call(dial) as session:
            session.sendmail("a@example.org", USERS[2].login, "Subject: hello\r\n\r\nhello\r\n")

        until(partial(found, lab, host, "hello"))


def found(lab: Generations, host: Host, subject: str) -> bool:
    with lab.door(host.address.ipv4).session(USERS[2]) as session:
        session.select("INBOX")
        return session.search(None, "SUBJECT", subject)[1] != [b""]


def test_wrong_passwords_slow_nobody_down(lab: Generations) -> None:
    for host in lab.hosts:
        for _ in range(5):
            with pytest.raises(imaplib.IMAP4.error):
                lab.door(host.address.ipv4).session(replace(USERS[0], password="wrong"))

        session = lab.door(host.address.ipv4).session(USERS[0])

        session.logout()
        assert "penalty" not in host.log("dovecot")


def test_a_further_host_has_the_one_fault_that_was_asked_for(lab: Generations) -> None:
    def without_pop3s(mail: Mail) -> Mail:
        return mail.changed("dovecot", "port = 995", "port = 0")

    with lab.new_host(without_pop3s) as host:
        assert host.address.ipv4 not in {each.address.ipv4 for each in lab.hosts}
        assert served(lab, host.address.ipv4, "imaps") == on_disk(host)
        with pytest.raises(ConnectionRefusedError):
            lab.client.call(lambda: connected(host, 995))
        pid = host.pid

    until(lambda: not Path(f"/proc/{pid}").exists())


def connected(host: Host, port: int) -> None:
    import socket

    socket.create_connection((host.address.ipv4, port), timeout=5).close()


def test_a_server_that_refuses_to_start_can_be_looked_at(lab: Generations) -> None:
    def copied(mail: Mail) -> Mail:
        return replace(mail, dovecot=lab.old.read("/etc/dovecot/dovecot.conf").decode())

    with lab.new_host(copied, servers_start=False) as host:
        with pytest.raises(ConnectionRefusedError):
            lab.client.call(lambda: connected(host, 993))
        assert served(lab, host.address.ipv4, "smtp") == on_disk(host)


def test_a_change_that_changes_nothing_is_a_mistake(lab: Generations) -> None:
    with (
        pytest.raises(ValueError, match=r"does not stand in /etc/dovecot/dovecot\.conf"),
        lab.new_host(lambda mail: mail.changed("dovecot", "port = 996", "port = 0")),
    ):
        pass


def asked(name: str, kind: str) -> list[str]:
    question = message.make_query(name, kind)
    response = query.udp(question, "127.0.0.1", timeout=5)
    return sorted(each.to_text() for found in response.answer for each in found)


def test_dns_has_what_a_mail_domain_has(lab: Generations) -> None:
    def answer(kind: str, name: str) -> list[str]:
        return lab.client.call(partial(asked, name, kind))

    lab.publish("_25._tcp.mail 60 IN TLSA 3 1 1 " + "00" * 32 + "\n")

    assert answer("MX", "example.test") == [f"10 {HOST}."]
    assert answer("A", HOST) == ["10.77.0.10"]
    assert answer("AAAA", HOST) == ["fd00:77::10"]
    assert answer("PTR", str(reversename.from_address("10.77.0.10"))) == [f"{HOST}."]
    assert answer("PTR", str(reversename.from_address("fd00:77::10"))) == [f"{HOST}."]
    assert "spf1" in answer("TXT", "example.test")[0]
    assert len(answer("TLSA", f"_25._tcp.{HOST}")) == 1
    lab.publish("")
    assert answer("TLSA", f"_25._tcp.{HOST}") == []


def test_certcheck_issues_a_certificate_before_the_address_moves(lab: Generations) -> None:
    done = lab.client.run(
        [sys.executable, "-m", "certcheck", "issue", "--json", "-c", lab.config], timeout=100
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["error"] is None
    stored = lab.path / "state/bundles/mail/1"
    assert stored.is_dir()
    assert "_acme-challenge" not in (lab.path / "dns/example.test.zone").read_text()
