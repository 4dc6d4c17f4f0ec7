from certcheck.probe.families import company
from certcheck.probe.standing import Standing

RSA, RSA256, RC4, DHE, ANON, ECDHE_RSA, ECDHE_ECDSA = (
    *(0x002F, 0x0035, 0x0005, 0x0033, 0x0034),
    *(0xC013, 0xC009),
)


def test_what_is_settled_is_unknown_no_more() -> None:
    standing = Standing((RSA, RSA256, RC4, DHE))

    standing.take(RSA)
    standing.refuse((DHE,), b"no")

    assert standing.unknown() == (RC4,)
    assert standing.refused == {DHE: b"no"}


def test_what_the_server_may_choose_in_vain_comes_apart() -> None:
    standing = Standing(company(RSA, with_all=True))

    found = standing.apart((RSA, DHE, ANON, ECDHE_RSA, ECDHE_ECDSA, RC4))

    assert found == ((RSA, RC4), (DHE,), (ANON,), (ECDHE_RSA,), (ECDHE_ECDSA,))


def test_what_it_can_do_comes_together() -> None:
    standing = Standing(company(RSA, with_all=True))

    standing.take(DHE)
    standing.take(ECDHE_RSA)

    assert standing.apart((RSA, DHE, ANON, ECDHE_RSA)) == ((RSA, DHE, ANON, ECDHE_RSA),)
    assert standing.apart((RSA, ECDHE_ECDSA)) == ((RSA,), (ECDHE_ECDSA,))
    assert not standing.can(ECDHE_ECDSA)
