from certcheck.dns import Resolver, addresses
from certcheck.lab import Lab
from certcheck.names import hostname
from certcheck.targets import split_port


def resolver(lab: Lab) -> Resolver:
    address, port = split_port(lab.resolver, where="lab")
    return Resolver(address=address, port=port or 53)


def test_a_signed_zone_is_secure(lab: Lab) -> None:
    got = addresses(hostname("mail.example.test"), resolver=resolver(lab), family="ipv4")

    assert (got.status, got.records, got.secure) == ("found", ("127.0.0.1",), True)


def test_absence_in_a_signed_zone_is_secure_too(lab: Lab) -> None:
    got = addresses(hostname("nobody.example.test"), resolver=resolver(lab))

    assert (got.status, got.records, got.secure) == ("none", (), True)


def test_a_name_outside_the_zone_is_not_secure(lab: Lab) -> None:
    got = addresses(hostname("www.example.org"), resolver=resolver(lab))

    assert (got.status, got.secure) == ("none", False)
