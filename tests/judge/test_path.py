"""Ways from served certificates to roots, over cross-signs, and past what has expired."""

import datetime as dt
from dataclasses import replace

import pytest

from certcheck import x509
from certcheck.judge.path import path
from certcheck.lab import pki
from certcheck.model.certificate import Certificate
from certcheck.model.client import Policy
from tests.judge.programs import CA, NOW, ROOT, chain, store

ANY = Policy()
LONG_AGO = NOW - dt.timedelta(days=3000)
CA_SHAPE = pki.Shape(names=(), is_ca=True, ends=3650)


def one(identity: pki.Identity) -> Certificate:
    return x509.chain(identity.certificate, where="test")[0]


def authority(
    name: str, *, issuer: pki.Identity | None = None, key: bytes = b"", ends: float = 3650
) -> pki.Identity:
    shape = replace(CA_SHAPE, common_name=name, ends=ends, starts=-3000)
    return pki.make(shape, issuer=issuer, key=key, now=NOW)


def test_a_chain_to_a_root_is_trusted_and_shows_the_way() -> None:
    served = chain()

    found = path(served, store("s", ROOT), ANY, NOW)

    assert found.trusted == "yes"
    assert found.certificates == (*served, ROOT)


def test_intermediates_count_in_any_order_and_strangers_do_not_matter() -> None:
    leaf, intermediate = chain()
    stranger = one(authority("Stranger"))

    found = path((leaf, stranger, intermediate), store("s", ROOT), ANY, NOW)

    assert found.trusted == "yes"


@pytest.mark.parametrize("served", [chain()[:1], chain(issuer=authority("Other"))])
def test_without_a_way_it_is_said_who_is_not_trusted(served: tuple[Certificate, ...]) -> None:
    found = path(served, store("s", ROOT), ANY, NOW)

    assert found.trusted == "no"
    assert found.why == f"it does not trust {served[-1].issuer}"


def test_a_self_signed_certificate_is_trusted_only_as_a_root() -> None:
    made = x509.chain(pki.make(pki.GOOD, now=NOW).chain, where="test")

    assert path(made, store("s", ROOT), ANY, NOW).why == "it is self-signed"
    assert path(made, store("s", made[0]), ANY, NOW).trusted == "yes"


def test_a_name_alone_makes_no_root() -> None:
    twin = pki.authority(now=NOW)
    served = chain(issuer=twin.intermediate)

    assert one(twin.root).subject == ROOT.subject
    assert path(served, store("s", ROOT), ANY, NOW).trusted == "no"


def test_a_root_counts_by_its_key_whatever_certificate_of_it_is_in_the_store() -> None:
    again = pki.make(replace(CA_SHAPE, common_name="Lab root", ends=100), key=CA.root.key, now=NOW)

    assert one(again).sha256 != ROOT.sha256
    assert path(chain(), store("s", one(again)), ANY, NOW).trusted == "yes"


def test_what_nobody_tells_of_a_root_is_unsure_and_said_so() -> None:
    found = path(chain(), store("s", unsure=[ROOT]), ANY, NOW)

    assert found.trusted == "unsure"
    assert found.why == f"not known whether S trusts {ROOT.title}"


def test_an_expired_intermediate_ends_the_way() -> None:
    dead = authority("Dead", issuer=CA.root, ends=-1)

    found = path(chain(issuer=dead), store("s", ROOT), ANY, NOW)

    assert found.trusted == "no"
    assert "not valid at this time" in found.why


class TestExpiredRoot:
    """What happened in September 2021: a new root, cross-signed by one that had expired."""

    old = authority("Old root", ends=-1)
    new = authority("New root")
    cross = authority("New root", issuer=old, key=new.key)
    served = chain(issuer=replace(authority("R3", issuer=new), intermediates=cross.certificate))

    def trusted(self, *roots: pki.Identity, policy: Policy = ANY) -> str:
        leaf, r3, cross = self.served[0], one(authority("R3")), one(self.cross)
        assert (r3.subject, cross.subject) == (self.served[1].subject, self.served[2].subject)
        assert leaf.issuer == r3.subject
        return path(self.served, store("s", *map(one, roots)), policy, NOW).trusted

    def test_who_has_the_new_root_goes_there(self) -> None:
        assert self.trusted(self.old, self.new) == "yes"

    def test_openssl_1_0_2_follows_what_is_served_to_the_dead_end(self) -> None:
        follows = Policy(only_served_path=True)

        assert self.trusted(self.old, self.new, policy=follows) == "no"
        assert self.trusted(self.new, policy=follows) == "yes"

    def test_android_does_not_ask_a_root_for_its_dates(self) -> None:
        assert self.trusted(self.old) == "no"
        assert self.trusted(self.old, policy=Policy(dated_roots=False)) == "yes"


def test_new_roots_in_no_store_are_carried_by_their_cross_sign() -> None:
    # As Let's Encrypt's Root YE of 2026 is by ISRG Root X2, and that by X1.
    x1, x2, ye = authority("Root X1"), authority("Root X2"), authority("Root YE")
    x2_by_x1 = authority("Root X2", issuer=x1, key=x2.key)
    ye_by_x2 = replace(authority("Root YE", issuer=x2, key=ye.key), intermediates=b"")
    ye1 = replace(
        authority("YE1", issuer=ye), intermediates=ye_by_x2.certificate + x2_by_x1.certificate
    )
    served = chain(issuer=ye1)

    assert len(served) == 4
    assert path(served, store("s", one(x1)), ANY, NOW).trusted == "yes"
    assert path(served, store("s", one(x2)), ANY, NOW).trusted == "yes"
    assert path(served[:2], store("s", one(x1), one(x2)), ANY, NOW).trusted == "no"


def test_certificates_that_sign_each_other_in_a_ring_end() -> None:
    first = authority("First")
    second = authority("Second", issuer=first)
    again = authority("First", issuer=second, key=first.key)
    served = chain(issuer=replace(second, intermediates=again.certificate))

    assert path((*served, *served), store("s", ROOT), ANY, LONG_AGO).trusted == "no"
