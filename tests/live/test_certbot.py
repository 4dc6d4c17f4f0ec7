"""certbot orders and renews; certcheck installs what it has, and proves it."""

import json
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import COMMAND, Certcheck
from tests.live.certbots import CERTBOT, Certbots, certbots, directories, hook, running, waiting
from tests.live.hosting import files, leaf, served
from tests.live.pebbles import web_server


@pytest.fixture
def own(fresh_lab: Lab) -> Certbots:
    return certbots(fresh_lab)


def stored(own: Certbots, ref: str, kind: str = "ecdsa") -> tuple[bytes, bytes]:
    """The key and the chain of a generation, as they are kept."""
    folder = own.lab.path / "state" / "bundles" / ref
    return (folder / f"key-{kind}.pem").read_bytes(), (folder / f"chain-{kind}.pem").read_bytes()


def current(own: Certbots) -> tuple[bytes, bytes]:
    """The key and the chain that certbot's lineage holds now."""
    return (own.live / "privkey.pem").read_bytes(), (own.live / "fullchain.pem").read_bytes()


def generations(lab: Lab) -> list[str]:
    return sorted(path.name for path in lab.path.glob("state/bundles/mail/[0-9]*"))


def test_a_lineage_becomes_a_generation_that_every_port_serves(
    own: Certbots, certcheck: Certcheck
) -> None:
    issued = certcheck("issue", "-c", own.config, "--json")

    assert issued.document["bundle"] == "mail/1"
    assert stored(own, "mail/1") == current(own)
    origin = json.loads((own.lab.path / "state/bundles/mail/1/origin.json").read_text())
    assert origin["lineage"] == str(own.live)
    assert origin["authority"] == own.lab.acme_directory
    assert certcheck("install", "-c", own.config).code == 0
    assert served(own.lab) == {leaf(own.lab, "mail/1")}


def test_what_is_not_due_is_kept(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    before = current(own)

    again = certcheck("issue", "-c", own.config)

    assert again.code == 0
    assert "mail/1 has it, nothing new to store" in again.stderr
    assert generations(own.lab) == ["1"]
    assert current(own) == before

    forced = certcheck("issue", "-c", own.config, "--certbot-args", "--force-renewal")

    assert forced.code == 0
    assert stored(own, "mail/2") == current(own)


def test_another_key_is_ordered_or_its_lack_is_told(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0

    other = certcheck("issue", "-c", own.config, "--key", "rsa2048", "--json")

    assert other.document["rows"][0]["key"] == "RSA 2048"
    assert stored(own, "mail/2", "rsa") == current(own)

    longer = certcheck("issue", "-c", own.config, "--key", "rsa3072")

    assert longer.code == 3
    assert "its key is RSA 2048, not RSA 3072 (--certbot-args=--force-renewal" in longer.complaint
    assert generations(own.lab) == ["1", "2"]


def test_a_web_root_and_names_of_the_command_line(
    lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    (webroot := tmp_path / "www").mkdir()
    text = lab.config.read_text().replace('state = "state"', f'state = "{tmp_path}/state"')
    (tmp_path / "certcheck.toml").write_text(text)

    with web_server(lab.http01_port, webroot):
        issued = certcheck(
            *("issue", "shop.example.test", "--via", "certbot", "--webroot", webroot, "--json"),
            *("--certbot-args", " ".join(directories(tmp_path / "certbot"))),
        )

    assert issued.document["bundle"] == "shop.example.test/1"
    assert issued.document["rows"][0]["names"] == ["shop.example.test"]
    settings = tmp_path / "certbot" / "config" / "renewal" / "shop.example.test.conf"
    assert "authenticator = webroot" in settings.read_text()


def test_installing_is_the_deploy_hook(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    assert certcheck("install", "-c", own.config).code == 0
    old = served(own.lab)

    said = own.renew(*COMMAND, "install", "-c", own.config, "--yes")

    assert "reported error" not in said
    assert stored(own, "mail/2") == current(own)
    assert served(own.lab) == {leaf(own.lab, "mail/2")} != old


def test_an_order_is_kept_although_its_own_hook_finds_the_store_locked(
    own: Certbots, certcheck: Certcheck
) -> None:
    install = shlex.join([*COMMAND, "install", "-c", str(own.config), "--yes"])

    issued = certcheck(
        "issue", "-c", own.config, "--certbot-args", f"--deploy-hook {shlex.quote(install)}"
    )

    assert issued.code == 0
    assert stored(own, "mail/1") == current(own)
    log = (own.home / "logs").glob("letsencrypt.log*")
    assert any("another run holds" in path.read_text() for path in log)


def test_a_hook_that_fails_leaves_the_old_one_served(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    assert certcheck("install", "-c", own.config).code == 0
    before, old = files(own.lab), served(own.lab)
    postfix("stop", own.lab)

    said = own.renew(*COMMAND, "install", "-c", own.config, "--yes")

    assert "reported error code 3" in said  # and certbot goes on: nobody else hears of it
    assert "does not answer now" in said
    assert files(own.lab) == before

    postfix("start", own.lab)

    assert served(own.lab) == old
    assert certcheck("install", "-c", own.config).code == 0
    assert served(own.lab) == {leaf(own.lab, "mail/2")}


def postfix(verb: str, lab: Lab) -> None:
    subprocess.run(
        ["postfix", "-c", str(lab.host.postfix.config), verb],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )


def test_a_rehearsal_shows_what_certbot_has_renewed(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    own.renew()

    planned = certcheck("install", "-c", own.config, "--dry-run", "--json")

    assert planned.code == 0
    assert planned.document["bundle"] == "mail/2"
    notes = [row["note"] for row in planned.document["rows"]]
    assert f"mail/2 is what certbot has renewed in {own.live}" in notes
    assert generations(own.lab) == ["1"]


def test_somebody_elses_lineage_is_none_of_ours(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    assert certcheck("install", "-c", own.config).code == 0
    standalone = ("--standalone", "--http-01-port", str(own.lab.http01_port))

    code, said = own.run(
        *("certonly", "-n", *standalone, "-d", "www.example.test"),
        *("--server", own.lab.acme_directory),
        *("--deploy-hook", f"{' '.join(COMMAND)} install -c {own.config} --yes"),
    )

    assert code == 0
    assert "nothing to do" in said
    assert "reported error" not in said
    assert generations(own.lab) == ["1"]


def test_a_refused_name_is_told_in_certbots_words(own: Certbots, certcheck: Certcheck) -> None:
    refused = certcheck(
        "issue",
        "-c",
        own.config,
        "blocked.example.test",
        "--via",
        "certbot",
        "--certbot-args",
        " ".join(directories(own.home)),
    )

    assert refused.code == 3
    assert "issuance is forbidden by policy" in refused.complaint
    assert f"its log is {own.home}/logs/letsencrypt.log" in refused.complaint


def test_an_unproved_name_is_told_with_the_authoritys_reason(
    own: Certbots, certcheck: Certcheck, tmp_path: Path
) -> None:
    (tmp_path / "www").mkdir()

    refused = certcheck("issue", "-c", own.config, "--webroot", tmp_path / "www")

    assert refused.code == 3
    assert "Identifier: mail.example.test / Type: connection / Detail: " in refused.complaint
    assert "connection refused" in refused.complaint


def test_another_certbot_is_waited_for_by_the_admin(
    own: Certbots, certcheck: Certcheck, tmp_path: Path
) -> None:
    certonly = ("certonly", "-n", "--agree-tos", "--register-unsafely-without-email")
    argv = (*certonly, "-d", "www.example.test", "--server", own.lab.acme_directory)
    trust = {"REQUESTS_CA_BUNDLE": str(own.lab.acme_ca)}

    with waiting(
        tmp_path, CERTBOT, *argv, *hook(tmp_path).split(), *directories(own.home), env=trust
    ):
        # A certbot without the lock leaves its log in the temporary directory.
        refused = certcheck("issue", "-c", own.config, env={"TMPDIR": str(tmp_path)})

    assert refused.code == 3
    assert "another certbot is running and holds the lineages" in refused.complaint


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_certbot_too(
    own: Certbots, certcheck: Certcheck, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = (*COMMAND, "issue", "-c", own.config, "--certbot-args", hook(tmp_path))

    with waiting(tmp_path, *command, env={}) as issue:
        assert running(str(own.home))

        issue.send_signal(number)

        _, said = issue.communicate(timeout=60)
        assert running(str(own.home)) == []
        assert running(str(tmp_path / "hook")) == []
    assert issue.returncode == code
    assert "interrupted by a signal" in said
    assert generations(own.lab) == []
    assert certcheck("issue", "-c", own.config).code == 0


def test_a_kill_at_any_point_loses_no_certificate(own: Certbots, certcheck: Certcheck) -> None:
    killed = 0
    for point in range(1, 20):
        ended = certcheck("issue", "-c", own.config, env={"CERTCHECK_CRASH_AT": str(point)})
        if ended.code == 0:
            break
        assert ended.code == -signal.SIGKILL
        killed += 1

    assert killed >= 4
    assert generations(own.lab) == ["1"]
    assert stored(own, "mail/1") == current(own)
    assert len(list((own.home / "config" / "archive" / "mail").glob("cert*.pem"))) == 1


def test_a_kill_at_any_point_of_the_hook_is_healed(own: Certbots, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    assert certcheck("install", "-c", own.config).code == 0
    own.renew()

    for point in (1, 2, 3):
        ended = certcheck("install", "-c", own.config, env={"CERTCHECK_CRASH_AT": str(point)})
        assert ended.code == -signal.SIGKILL

    assert certcheck("install", "-c", own.config).code == 0
    assert generations(own.lab) == ["1", "2"]
    assert served(own.lab) == {leaf(own.lab, "mail/2")}


def test_a_server_that_uses_the_lineage_itself_is_reloaded(
    own: Certbots, certcheck: Certcheck
) -> None:
    assert certcheck("issue", "-c", own.config).code == 0
    for name in ("fullchain.pem", "privkey.pem"):
        file = own.lab.path / "dovecot" / "tls" / name
        file.unlink()
        file.symlink_to(own.live / name)
    assert certcheck("install", "-c", own.config).code == 0

    own.renew(*COMMAND, "install", "-c", own.config, "--yes")

    assert served(own.lab) == {leaf(own.lab, "mail/2")}
    assert stored(own, "mail/2") == current(own)
    assert (own.live / "privkey.pem").is_symlink()
