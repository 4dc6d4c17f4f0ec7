"""The certificate of a valid order, by the chain that is preferred (RFC 8555 7.4.2)."""

from collections.abc import Callable

from requests import Response
from requests.utils import parse_header_links

from certcheck.errors import CaError
from certcheck.issue.answer import one_line
from certcheck.issue.authority import Authority
from certcheck.issue.client import Conversation
from certcheck.issue.received import Chain, issuer_name, received_chain
from certcheck.issue.refusal import dropped_when_refused, told_plainly
from certcheck.store.orders import Order

_MAX_ALTERNATES = 8

Progress = Callable[[str], None]


def downloaded(
    talk: Conversation, order: Order, url: str, authority: Authority, progress: Progress
) -> Chain:
    """The chain at `url` that leads to the preferred issuer, else the first, with a warning.

    Raises CaError, with the order dropped, when there is none, and acme's own errors.
    """
    with dropped_when_refused(order, talk.net):
        response = talk.send(url, None)
    first = _first(response, order)
    preferred = authority.preferred_chain
    if preferred is None:
        return first
    offered = [first]
    for place in _alternates(response)[:_MAX_ALTERNATES]:
        if issuer_name(offered[-1]) == preferred:
            break
        offered += _alternate(talk, place, authority.directory, progress)
    if issuer_name(offered[-1]) == preferred:
        return offered[-1]
    there = ", ".join(repr(one_line(issuer_name(each))) for each in offered)
    progress(f"warning: no chain leads to {preferred!r}; there is {there}; the first is taken")
    return first


def _first(response: Response, order: Order) -> Chain:
    try:
        return received_chain(response.text)
    except CaError:
        order.close("dropped")  # it would come again and again
        raise


def _alternate(
    talk: Conversation, url: str, directory: str, progress: Progress
) -> tuple[Chain, ...]:
    # The certificate is issued: another chain that does not come must not lose it.
    try:
        with told_plainly(directory, talk.net):
            return (received_chain(talk.once(url, None).text),)
    except CaError as e:
        progress(f"warning: another chain is left out: {e.message}")
        return ()


def _alternates(response: Response) -> list[str]:
    # Not response.links: that keeps one link of each relation (RFC 8555 7.4.2 has several).
    links = parse_header_links(response.headers.get("Link", ""))
    return [link["url"] for link in links if link.get("rel") == "alternate"]
