"""One offer of our own to a server, and what it chooses from it."""

from certcheck.probe import crossing
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import Doubt
from certcheck.probe.hello import VERSIONS, Offer, client_hello
from certcheck.probe.look import Door
from certcheck.probe.reply import Reply, reply


async def chosen(
    door: Door, doubt: Doubt, offer: Offer, *, before: int = 0
) -> Reply | Trouble | None:
    """The server's choice; None when it takes nothing of the offer, Trouble when it is not known.

    It has hung up `before`, so many times, at an offer of the same and more. Never raises for what
    the server does.
    """
    question = crossing.Question(hello=client_hello(offer), enough=_of_use(offer), before=before)
    data = await crossing.answered(door, doubt, question)
    if not isinstance(data, bytes):
        return data
    said = reply(data)
    # A server of older versions only takes the hello, and answers with what it has.
    if said is None or said.alert is not None or said.version != VERSIONS[offer.version]:
        return None
    if said.suite not in offer.suites:
        return Trouble(kind="garbage", text="the server chooses a cipher suite that nobody offered")
    return said


def _of_use(offer: Offer) -> crossing.Enough:
    def enough(data: bytes) -> bool:
        said = reply(data)
        return said is not None and (said.complete or not offer.wants_group)

    return enough
