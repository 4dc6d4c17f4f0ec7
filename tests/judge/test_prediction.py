"""What programs do, from the certificate that they are shown: connect, ask, or stay outside."""

import datetime as dt
from dataclasses import replace

import pytest

from certcheck.judge.advice import REMEDIES, advice
from certcheck.judge.prediction import Known, predicted
from certcheck.judge.stores import stores
from certcheck.lab import pki
from certcheck.model.client import Asking, Client, Policy, Shown
from certcheck.model.observation import Knock, Observation
from certcheck.model.prediction import Prediction
from tests.judge.programs import NAME, NOW, ROOT, chain, client, known, seen

THUNDERBIRD = client("thunderbird-140")
OUTLOOK = client("outlook-2016-windows-10")
NOBODY_ASKED = client("thunderbird-140", store="none")
STRANGE = pki.authority(now=NOW).intermediate


def of(program: Client, server: Observation, name: str = NAME, **more: object) -> Prediction:
    return predicted(program, server, name, known(ROOT, **more))  # type: ignore[arg-type]


def test_a_trusted_certificate_with_the_right_name_connects_silently() -> None:
    found = of(THUNDERBIRD, seen())

    assert (found.result, found.reason) == ("connects", "")
    assert (found.protocol, found.suite) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert (found.client, found.server_name) == ("thunderbird-140", NAME)


@pytest.mark.parametrize(
    ("served", "why"),
    [
        (chain(issuer=STRANGE), "it does not trust CN=Lab root"),
        (chain(pki.WRONG_NAME), f"the certificate does not name {NAME}"),
        (chain(pki.EXPIRED), "the certificate expired 2026-11-24"),
        (chain(pki.NOT_YET_VALID), "the certificate is valid from 2026-11-26 only"),
    ],
    ids=["untrusted", "name", "expired", "not yet valid"],
)
def test_what_is_wrong_makes_a_program_ask_and_is_said(served: tuple, why: str) -> None:  # type: ignore[type-arg]
    found = of(THUNDERBIRD, seen(served))

    assert (found.result, found.reason, found.scope) == ("asks", why, "host_port")


def test_the_worst_reaction_to_all_that_is_wrong_decides() -> None:
    served = chain(replace(pki.WRONG_NAME, starts=-100, ends=-1))
    strict = replace(THUNDERBIRD, asking=replace(THUNDERBIRD.asking, expired="refuses"))

    assert of(THUNDERBIRD, seen(served)).result == "asks"
    assert of(strict, seen(served)).result == "locked_out"
    assert "does not name" in of(strict, seen(served)).reason
    assert "expired" in of(strict, seen(served)).reason


def test_what_nobody_knows_is_unknown_and_never_silent() -> None:
    bare = replace(THUNDERBIRD, asking=Asking())

    assert of(replace(THUNDERBIRD, stack=None), seen()).result == "unknown"
    assert of(replace(THUNDERBIRD, store=None), seen()).result == "unknown"
    found = of(bare, seen(chain(issuer=STRANGE)))
    assert found.result == "unknown"
    assert found.reason.startswith("not known what it does then: ")
    assert of(bare, seen()).result == "connects"


def test_who_verifies_nothing_connects_to_anything() -> None:
    assert of(
        NOBODY_ASKED, seen(chain(replace(pki.EXPIRED, names=("x.test",)), issuer=STRANGE))
    ).result == ("connects")


def test_a_pinned_fingerprint_stands_any_but_the_known_certificate() -> None:
    pinned = replace(THUNDERBIRD, pins=True)
    served = chain()

    assert of(pinned, seen(served)).result == "locked_out"
    assert of(pinned, seen(served), before=[served[0].sha256]).result == "connects"


def test_a_program_may_ask_about_any_new_certificate() -> None:
    nosy = replace(THUNDERBIRD, asking=replace(THUNDERBIRD.asking, changed="asks"))
    served = chain()

    assert of(nosy, seen(served), before=["00"]).result == "asks"
    assert of(nosy, seen(served), before=[served[0].sha256]).result == "connects"
    assert of(nosy, seen(served)).result == "connects"


def test_without_a_common_version_the_reason_is_that_and_no_certificate() -> None:
    found = of(client("outlook-2016-windows-7"), seen(chain(issuer=STRANGE)))

    assert found.result == "locked_out"
    assert "TLS 1.0 at most" in found.reason
    assert found.fingerprints == ()


def test_a_customers_own_name_gets_the_default_certificate() -> None:
    found = of(THUNDERBIRD, seen(), name="mail.customer.test")

    assert found.result == "asks"
    assert found.reason == "the certificate does not name mail.customer.test"


@pytest.mark.parametrize(
    ("policy", "shape", "why"),
    [
        (
            Policy(rsa_bits=2048),
            pki.RSA_1024,
            "it wants RSA keys of 2048 bits, and this is RSA 1024",
        ),
        (Policy(sha1=False), pki.SHA_1, "it no longer accepts signatures by SHA-1"),
        (
            Policy(most_days=825),
            replace(pki.GOOD, ends=900),
            "it accepts certificates for 825 days",
        ),
        (Policy(), pki.RSA_1024, ""),
    ],
)
def test_a_policy_makes_a_sound_chain_too_weak(policy: Policy, shape: pki.Shape, why: str) -> None:
    asking = replace(THUNDERBIRD.asking, weak="refuses")
    program = replace(THUNDERBIRD, policy=policy, asking=asking)

    found = of(program, seen(chain(shape)))

    assert found.result == ("locked_out" if why else "connects")
    assert found.reason.startswith(why)


def test_outlook_2007_looks_at_the_first_name_only() -> None:
    served = chain(pki.Shape(names=("other.test", NAME)))
    old = replace(THUNDERBIRD, policy=Policy(first_name_only=True))

    assert of(THUNDERBIRD, seen(served)).result == "connects"
    assert of(old, seen(served)).result == "asks"


def test_the_servers_real_answer_beats_the_model() -> None:
    refusing = replace(seen(), knocks=(Knock(stack="nss-thunderbird-140"),))

    assert of(THUNDERBIRD, refusing).result == "locked_out"
    assert of(OUTLOOK, refusing).result == "connects"


@pytest.mark.parametrize(
    ("form", "start"),
    [("colons", "AB:01:"), ("plain", "ab01"), ("groups", "AB01 "), ("plain_with_key", "ab01")],
)
def test_the_fingerprint_has_the_form_of_the_program(form: str, start: str) -> None:
    program = replace(THUNDERBIRD, fingerprints=(Shown(hash="SHA-256", form=form),))  # type: ignore[arg-type]
    served = chain(issuer=STRANGE)
    leaf = replace(served[0], sha256="ab01" + "f" * 60)

    shown = of(program, seen((leaf, *served[1:]))).fingerprints

    assert [each.certificate for each in shown] == [leaf.sha256]
    assert shown[0].text.startswith(start)


def test_fairemail_shows_the_key_as_well() -> None:
    served = chain(issuer=STRANGE)

    (shown,) = of(client("fairemail-android-14"), seen(served)).fingerprints

    assert shown.text == f"{served[0].sha1}/{served[0].key_id}"
    assert len(served[0].key_id) == 40


def test_evidence_is_as_good_as_the_worst_part_of_it() -> None:
    assert of(OUTLOOK, seen()).evidence in {"platform", "unknown"}
    assert of(replace(OUTLOOK, stack_evidence="unknown"), seen()).evidence == "unknown"


def test_what_was_not_seen_is_not_known() -> None:
    found = of(THUNDERBIRD, replace(seen(), outcome="inconclusive", reason="bye"))

    assert (found.result, found.reason) == ("unknown", "the server was not seen")


class TestAdvice:
    def remedies(self, program: Client, server: Observation) -> list[str]:
        return [each.remedy.id for each in advice([program], server, NAME, known(ROOT))]

    def test_a_program_without_ecdhe_rsa_gcm_is_let_in_by_several_changes(self) -> None:
        server = seen(chain(pki.Shape(key="rsa2048")))

        found = self.remedies(client("outlook-2016-windows-8.1"), server)

        assert {"second_certificate_ecdsa", "dh_parameters", "cbc_suites"} <= set(found)
        assert "second_certificate_rsa" not in found

    def test_a_program_of_tls_1_0_is_let_in_by_nothing_else(self) -> None:
        server = seen(chain(pki.Shape(key="rsa2048")))

        assert self.remedies(client("outlook-2016-windows-7"), server) == ["old_versions"]

    def test_a_program_without_sni_needs_the_certificate_without_it(self) -> None:
        server = seen()
        named, default = server.deployments
        other = replace(default, chain=chain(pki.WRONG_NAME))
        no_sni = replace(THUNDERBIRD.stack, sni=False) if THUNDERBIRD.stack else None
        strict = replace(
            THUNDERBIRD, stack=no_sni, asking=replace(THUNDERBIRD.asking, name="refuses")
        )

        found = self.remedies(strict, replace(server, deployments=(named, other)))

        assert found == ["default_certificate"]

    def test_a_root_in_no_store_is_carried_by_its_cross_sign(self) -> None:
        leaf, intermediate = chain()
        le = replace(intermediate, issuer="CN=Root YE,O=ISRG,C=US", der=b"")
        strict = replace(
            THUNDERBIRD, asking=replace(THUNDERBIRD.asking, untrusted="refuses"), store="mozilla"
        )
        server = seen((replace(leaf, der=b""), le))
        now = Known(stores=stores(), now=NOW)

        assert predicted(strict, server, NAME, now).result == "locked_out"
        assert [each.remedy.id for each in advice([strict], server, NAME, now)] == [
            "cross_signed_chain"
        ]

    def test_who_gets_in_needs_none(self) -> None:
        assert self.remedies(THUNDERBIRD, seen()) == []

    def test_each_remedy_has_settings_for_both_servers_and_a_price(self) -> None:
        for remedy in REMEDIES:
            assert set(remedy.settings) == {"dovecot", "postfix"}
            assert remedy.cost


def test_predicting_needs_no_clock_of_its_own() -> None:
    later = NOW + dt.timedelta(days=200)

    found = predicted(THUNDERBIRD, seen(), NAME, known(ROOT, now=later))

    assert found.result == "asks"
    assert "expired" in found.reason
