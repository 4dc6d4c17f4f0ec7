"""The lab: what it serves, and what it says of itself."""

import json
import re
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from certcheck.lab import Lab, LabOptions, plan, publish
from certcheck.lab.greeting import greet, listens
from certcheck.lab.pebble import fetched
from certcheck.model.endpoint import Endpoint
from certcheck.targets import endpoint
from certcheck.x509 import chain
from tests.lab.asking import LOOPBACK, gone, service
from tests.live.conftest import LabMaker

SCHEMES = ("imap", "imaps", "pop3", "pop3s", "sieve", "smtp", "submission", "submissions")
STARTTLS = {"imap": "imap", "pop3": "pop3", "sieve": "sieve", "smtp": "smtp"}


def s_client(it: Endpoint, *more: str) -> str:
    starttls = ("-starttls", STARTTLS[it.protocol]) if it.tls_mode == "starttls" else ()
    name = ("-connect", f"{LOOPBACK}:{it.port}", "-servername", it.host.ascii)
    done = subprocess.run(
        ["openssl", "s_client", *name, *starttls, *more],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def sha256_of(pem: str) -> str:
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
        input=pem,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.partition("=")[2].strip().replace(":", "").lower()


def ask(lab: Lab, name: str, kind: str) -> dns.message.Message:
    question = dns.message.make_query(name, kind, want_dnssec=True)
    question.flags |= dns.flags.AD
    address, _, port = lab.resolver.rpartition(":")
    return dns.query.udp(question, address, port=int(port), timeout=5)


def secure(answer: dns.message.Message) -> bool:
    return bool(answer.flags & dns.flags.AD)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_endpoint_greets(lab: Lab, scheme: str) -> None:
    assert greet(service(lab, scheme))


def test_another_greeting_is_not_taken_for_the_right_one(lab: Lab) -> None:
    mixed_up = replace(service(lab, "imap"), port=service(lab, "smtp").port)

    with pytest.raises(ConnectionError, match="says b'220 smtp"):
        greet(mixed_up)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_endpoint_serves_the_old_certificate(lab: Lab, scheme: str) -> None:
    old = chain((lab.path / "dovecot/tls/fullchain.pem").read_bytes(), where="old")[0]

    seen = s_client(service(lab, scheme))

    assert sha256_of(seen) == old.sha256
    assert old.names == plan.OLD_NAMES
    assert set(old.names) != set(plan.BUNDLE)
    assert old.self_signed


@pytest.mark.parametrize("scheme", ["imaps", "smtp"])
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_protocols_are_refused(lab: Lab, scheme: str, version: str) -> None:
    everything = (version, "-cipher", "ALL:@SECLEVEL=0")

    assert "BEGIN CERTIFICATE" not in s_client(service(lab, scheme), *everything)


def test_the_resolver_validates_addresses(lab: Lab) -> None:
    for name in ("mail", "imap", "smtp", "pop", "sieve", "mx-old"):
        answer = ask(lab, f"{name}.example.test.", "A")

        assert secure(answer)
        assert LOOPBACK in answer.to_text()


def test_the_resolver_knows_the_mx(lab: Lab) -> None:
    answer = ask(lab, "example.test.", "MX")

    assert secure(answer)
    assert "MX 10 mail.example.test." in answer.to_text()


def test_tlsa_is_securely_absent(lab: Lab) -> None:
    for name in ("mail.example.test.", "_25._tcp.mail.example.test."):
        answer = ask(lab, name, "TLSA")

        assert secure(answer)
        assert not answer.answer


def test_other_names_stay_on_this_machine(lab: Lab) -> None:
    answer = ask(lab, "www.example.org.", "A")

    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert not secure(answer)


def test_tlsa_records_can_be_published_and_taken_back(fresh_lab: Lab) -> None:
    name = "_25._tcp.mail.example.test."
    assert not ask(fresh_lab, name, "TLSA").answer  # the resolver now holds a proof of absence

    publish(fresh_lab, f"_25._tcp.mail 60 IN TLSA 3 1 1 {'ab' * 32}")
    with_record = ask(fresh_lab, name, "TLSA")
    publish(fresh_lab, "")
    without = ask(fresh_lab, name, "TLSA")

    assert secure(with_record)
    assert "TLSA 3 1 1 abab" in with_record.to_text()
    assert secure(without)
    assert not without.answer


def test_pebble_answers_to_its_own_ca(lab: Lab) -> None:
    directory = json.loads(fetched(lab.acme_directory, ca_file=lab.acme_ca))

    assert directory["newOrder"].startswith(lab.acme_directory.removesuffix("/dir"))
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetched(lab.acme_directory, ca_file=lab.acme_root)


def test_the_root_of_issued_certificates_is_the_running_pebbles(lab: Lab) -> None:
    root = chain(lab.acme_root.read_bytes(), where="root")

    assert [each.is_ca for each in root] == [True]
    assert "Pebble Root" in root[0].subject


def test_pebble_takes_its_options(new_lab: LabMaker) -> None:
    lab = new_lab(LabOptions(nonce_reject=5, alternate_roots=1, chain_length=2, validity_days=7))
    management = f"https://localhost:{lab.ports.acme_management}"

    assert fetched(f"{management}/roots/1", ca_file=lab.acme_ca)
    log = (lab.path / "log/pebble.log").read_text()
    assert "Configured to reject 5% of good nonces" in log
    assert "Using certificate validity period of 604800 seconds" in log


def test_lab_json_has_the_shape_of_the_contract(lab: Lab) -> None:
    found = json.loads((lab.path / "lab.json").read_text())

    assert found["schema"] == "certcheck.lab/1"
    assert set(found) == {
        *("schema", "hosts", "directory", "acme_ca", "acme_root", "http01_port"),
        *("challtestsrv", "users", "config", "pids"),
    }
    (host,) = found["hosts"]
    assert set(host) == {"name", "addresses", "endpoints", "dovecot", "postfix"}
    assert host["name"] == "mail.example.test"
    assert host["addresses"] == [LOOPBACK]
    assert [endpoint(url).scheme for url in host["endpoints"]] == list(SCHEMES)
    for server in ("dovecot", "postfix"):
        assert set(host[server]) == {"version", "config"}
        assert re.fullmatch(r"\d+\.\d+\.\d+(\.\d+)?", host[server]["version"])
        assert Path(host[server]["config"]).exists()
    assert all(set(user) == {"login", "password"} for user in found["users"])
    assert all(Path(found[each]).is_file() for each in ("acme_ca", "acme_root", "config"))
    assert not any(gone(pid) for pid in found["pids"])
    listens(int(found["challtestsrv"].rpartition(":")[2]))
    assert (lab.path / "lab.json").stat().st_mode & 0o777 == 0o600


def test_certcheck_toml_speaks_of_the_same_lab(lab: Lab) -> None:
    found = tomllib.loads(lab.config.read_text())

    assert set(found) == {"site", "acme", "bundle", "host", "server", "endpoint"}
    assert found["site"]["state"] == "state"
    assert found["site"]["resolver"] == lab.resolver
    assert found["acme"]["directory"] == lab.acme_directory
    assert found["bundle"] == [
        {
            "name": "mail",
            "names": list(plan.BUNDLE),
            "key": "ecdsa",
            "challenge": "http-01",
            "http_port": lab.http01_port,
        }
    ]
    assert found["host"] == [{"name": "mail.example.test", "addresses": [LOOPBACK]}]
    assert [each["url"] for each in found["endpoint"]] == list(lab.host.endpoints)
    assert {each["kind"]: each["config"] for each in found["server"]} == {
        "dovecot": str(lab.host.dovecot.config),
        "postfix": str(lab.host.postfix.config),
    }


def test_keys_and_state_are_roots_alone(lab: Lab) -> None:
    keys = ("dovecot/tls/privkey.pem", "dovecot/users", "postfix/tls/chain.pem", "pebble/key.pem")

    assert {(lab.path / key).stat().st_mode & 0o777 for key in keys} == {0o600}
    assert (lab.path / "state").stat().st_mode & 0o777 == 0o700
    assert lab.path.stat().st_mode & 0o777 == 0o755
