from itertools import pairwise

from certcheck.probe.agenda import agenda
from certcheck.probe.families import family_of, is_likely

OLD, NEW = "tls_1_0_cipher_suites", "tls_1_2_cipher_suites"
NAMES = (
    "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA",
)


def test_every_suite_comes_once() -> None:
    suites = [(command, name) for command in (OLD, NEW) for name in NAMES]

    assert sorted(agenda(suites)) == sorted(suites)


def test_the_likeliest_come_first_and_each_family_before_its_second_suite() -> None:
    found = [name for _, name in agenda((OLD, name) for name in NAMES if "ECDH" not in name)]

    assert found == [NAMES[4], NAMES[0], NAMES[1], NAMES[2]]
    assert len({family_of(name) for name in found[:3]}) == 3


def test_what_is_hardly_taken_waits_until_all_kinds_have_shown_what_is() -> None:
    long = (*NAMES, "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA")

    found = agenda([(OLD, name) for name in long] + [(NEW, name) for name in NAMES])

    assert [is_likely(name) for _, name in found[:6]] == [True] * 6
    assert not is_likely(found[6][1])


def test_kinds_of_hello_take_turns() -> None:
    found = agenda((command, name) for command in (OLD, NEW) for name in NAMES)

    kinds = [(command, "ECDH" in name) for command, name in found[:4]]
    assert all(first != second for first, second in pairwise(kinds))
