"""Mail domains as a small DNS server has them, and what is found of them."""

from collections.abc import Mapping
from dataclasses import replace

import dns.flags
import dns.rcode

from certcheck import config
from certcheck.cli.options import Probing
from certcheck.cli.wiring import asking
from certcheck.dns import Resolver
from certcheck.model.run import Run
from certcheck.names import hostname
from certcheck.workflow.clues import Discovery
from certcheck.workflow.discovery import discover
from tests.name_server import Behaviour, Question, answer, kind
from tests.report import runs

MX = {"example.org MX": ("10 mx.example.net.",)}
HERE = ("192.0.2.7",)


def holding(records: Mapping[str, tuple[str, ...]], *, wildcard: str = "") -> Behaviour:
    """A server with these records, each set by `NAME KIND`.

    Sets may be `broken` (SERVFAIL), `bogus` or `silent`. The `wildcard` is the address of every
    name below example.org that has no record of its own.
    """

    def behave(question: Question) -> bytes | None:
        name, what = str(question.question[0].name).removesuffix("."), kind(question)
        found = records.get(f"{name} {what}", ())
        if not found and wildcard and what == "A" and name.endswith(".example.org"):
            found = (wildcard,)
        unchecked = bool(question.flags & dns.flags.CD)
        if found == ("silent",):
            return None
        if found == ("broken",) or (found == ("bogus",) and not unchecked):
            return answer(question, rcode=dns.rcode.SERVFAIL)
        if found in {(), ("bogus",)}:
            return answer(question, rcode=dns.rcode.NXDOMAIN)
        return answer(question, *(f"{name}. {what} {data}" for data in found))

    return behave


def found(
    resolver: Resolver,
    *domains: str,
    probing: Probing | None = None,
    site: config.Site | None = None,
) -> Discovery:
    usual = asking(site or config.Site(), probing or Probing())
    names = [hostname(domain) for domain in domains or ("example.org",)]
    return discover(names, replace(usual, resolver=resolver))


def ways(discovery: Discovery) -> dict[str, list[str]]:
    """How each endpoint was found, in the order of the finds."""
    by_url: dict[str, list[str]] = {each.url: [] for each in discovery.endpoints}
    for find in discovery.finds:
        by_url[find.endpoint.url].append(find.way)
    return by_url


def rows(discovery: Discovery, *there: str) -> list[dict[str, object]]:
    """What is told after an audit that has seen something at the endpoints `there`."""
    return [dict(row) for row in told(discovery, *there).rows]


def told(discovery: Discovery, *there: str) -> Run:
    observations = tuple(runs.seen(url, runs.LEAF) for url in there)
    return discovery.told(runs.run("audit", observations=observations))


def notes(discovery: Discovery) -> list[tuple[str, str]]:
    return [(note.kind, note.text) for note in discovery.notes]
