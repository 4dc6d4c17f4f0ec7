"""From mail domains to the endpoints of their mail: by MX, by SRV, and by the usual names."""

from collections.abc import Iterator, Sequence

from certcheck import dns
from certcheck.errors import InputError
from certcheck.model.endpoint import PORTS, Endpoint, Hostname, Scheme
from certcheck.model.record import Mx, Srv
from certcheck.names import hostname
from certcheck.workflow.asking import Asking
from certcheck.workflow.clues import Clue, Discovery, Find, Note, Strength
from certcheck.workflow.usual_names import by_name

# RFC 6186, RFC 8314 5.1, RFC 5804 1.8.
_SERVICES: tuple[Scheme, ...] = (
    "submissions",
    "submission",
    "imaps",
    "imap",
    "pop3s",
    "pop3",
    "sieve",
)
_FOLLOWED = 32  # records of one look-up; whoever runs a zone could write hundreds into it


def discover(domains: Sequence[Hostname], asking: Asking) -> Discovery:
    """What MX and SRV records and the usual names of these domains lead to.

    Four rounds of look-ups, 16 at a time over all domains; a dead resolver is given up in the
    first. Never raises for what the network does.
    """
    resolver = asking.resolver
    mail = dict(zip(domains, dns.mx(domains, resolver=resolver), strict=True))
    # Whoever does not even say who takes the mail says no more, and each silence takes its time.
    answering = [domain for domain in domains if mail[domain].status != "failed"]
    clues = [clue for domain in domains for clue in _by_mx(domain, mail[domain])]
    clues += _by_srv(answering, resolver)
    promised = [clue for clue in clues if isinstance(clue, Find)]
    without = [domain for domain in answering if mail[domain].status == "none"]
    clues += [*_aliases(promised, resolver), *by_name(answering, without, promised, asking)]
    place = {domain: number for number, domain in enumerate(domains)}
    clues.sort(key=lambda clue: place[clue.domain])
    return Discovery(
        domains=tuple(domains),
        finds=tuple(clue for clue in clues if isinstance(clue, Find)),
        notes=tuple(clue for clue in clues if isinstance(clue, Note)),
    )


def _by_mx(domain: Hostname, answer: dns.Answer[Mx]) -> Iterator[Clue]:
    if answer.status in {"bogus", "failed"}:
        yield Note(domain=domain, text=answer.detail, kind="failed")
    elif answer.status == "none":
        why = answer.detail.partition(": ")[2]
        yield Note(domain=domain, text=f"no MX: {why}")
    elif all(record.is_null for record in answer.records):
        yield Note(domain=domain, text="takes no mail: null MX (RFC 7505)", kind="no_mail")
    else:
        for record in answer.records[:_FOLLOWED]:
            what = f"MX {record.preference}"
            yield _led(domain, "smtp", record.exchange, PORTS["smtp"], what)
        yield from _unfollowed(domain, answer, "MX")


def _by_srv(domains: Sequence[Hostname], resolver: dns.Resolver) -> Iterator[Clue]:
    # Service by service, so that one zone whose servers are silent does not take all 16 places.
    asked = [(scheme, domain) for scheme in _SERVICES for domain in domains]
    owners = [f"_{scheme}._tcp.{domain.ascii}" for scheme, domain in asked]
    answers = dns.srv(owners, resolver=resolver)
    for (scheme, domain), answer in zip(asked, answers, strict=True):
        yield from _service(domain, scheme, answer)


def _service(domain: Hostname, scheme: Scheme, answer: dns.Answer[Srv]) -> Iterator[Clue]:
    what = f"SRV _{scheme}._tcp"
    if answer.status in {"bogus", "failed"}:
        yield Note(domain=domain, text=answer.detail, kind="failed")
    elif answer.records and all(record.is_null for record in answer.records):
        yield Note(domain=domain, text=f"{what}: not offered, by its own word (RFC 6186 3.4)")
    else:
        for record in answer.records[:_FOLLOWED]:
            yield _led(domain, scheme, record.target, record.port, what)
        yield from _unfollowed(domain, answer, what)


def _led(domain: Hostname, scheme: Scheme, target: str, port: int, what: str) -> Clue:
    """Where a record leads; what the zone says comes from outside and may lead nowhere."""
    if target == ".":
        return Note(domain=domain, text=f"{what}: says that there is none, beside others")
    try:
        host = hostname(target)
    except InputError as e:
        return Note(domain=domain, text=f"{what}: {e.message}")
    if host.is_ip or not port:
        wrong = f"IP address {host.ascii} instead of a name" if host.is_ip else "port 0"
        return Note(domain=domain, text=f"{what}: {wrong}")
    strength = Strength.srv if what.startswith("SRV") else Strength.mx
    way = f"{what} of {domain.ascii}"
    endpoint = Endpoint(scheme=scheme, host=host, port=port)
    return Find(domain=domain, endpoint=endpoint, way=way, strength=strength)


def _unfollowed(
    domain: Hostname, answer: dns.Answer[Mx] | dns.Answer[Srv], what: str
) -> Iterator[Note]:
    more = len(answer.records) - _FOLLOWED
    if more > 0:
        yield Note(domain=domain, text=f"{what}: {more} more records, which are not followed")


def _aliases(promised: Sequence[Find], resolver: dns.Resolver) -> Iterator[Note]:
    """Targets that are aliases, which none of MX and SRV may be (RFC 2181 10.3, RFC 2782)."""
    first = {find.endpoint.host: find for find in reversed(promised)}
    # Where this look-up fails, that of the host's addresses does as well, and is told.
    for (host, find), answer in zip(
        first.items(), dns.cname(tuple(first), resolver=resolver), strict=True
    ):
        kind = find.strength.name.upper()
        for alias in answer.records:
            text = f"{host.ascii} is an alias (CNAME) of {alias}, which no target of {kind} may be"
            yield Note(domain=find.domain, text=text)
