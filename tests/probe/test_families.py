"""How suites are sorted: into parts and wholes for our hellos, and into families for sslyze's."""

import re

from certcheck.iana import is_new, suites
from certcheck.probe.families import company, family, parts, wholes

DHE, ECDHE = 0x0033, 0xC013


def test_every_old_suite_is_in_one_part_and_in_one_whole() -> None:
    old = [code for code in suites() if not is_new(code)]

    with_groups, others = parts()

    for families in ((*with_groups, *others), wholes()):
        assert sorted(code for family_ in families for code in family_) == sorted(old)


def test_only_what_sslyze_asks_for_has_a_family() -> None:
    names = suites()

    without = {names[code] for code in names if family(code) is None and not is_new(code)}

    assert without
    assert all(re.search("PSK|SRP|KRB5|GOST|ECCPWD|NULL_WITH_NULL|SHA256_SHA", n) for n in without)
    assert family(0x1301) is None


def test_company_has_all_suites_with_curves_or_all_without_the_likeliest_first() -> None:
    names = suites()

    with_, without, all_ = company(ECDHE), company(DHE), company(DHE, with_all=True)

    assert {*with_} | {*without} == {*all_}
    assert {*with_} & {*without} == set()
    assert all("ECDH" in names[code] for code in with_)
    assert names[without[0]] == "TLS_RSA_WITH_AES_128_GCM_SHA256"
    assert "DHE_DSS" in names[without[-1]] or "TLS_DH_" in names[without[-1]]
