"""Rules about the real answers to mail programs' hellos."""

from collections.abc import Iterator
from datetime import datetime

from certcheck.judge import served
from certcheck.judge.fault import Fault, rule
from certcheck.judge.negotiation import contradiction, negotiated
from certcheck.judge.prediction import served_to
from certcheck.judge.profiles import stacks
from certcheck.model.observation import Observation


@rule(severity="note", source="https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3")
def answer_unexpected(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server answers a mail program's hello otherwise than what was seen of it lets expect.

    Only with --clients, which sends these hellos. The real answer is what predictions go by. Often
    the server's order of cipher suites has exceptions, or several servers answer behind one
    address.
    """
    known = stacks()
    name = served.host(observation).ascii
    for knock in observation.knocks:
        stack = known[knock.stack]
        expected = negotiated(stack, observation, served_to(stack, observation, name))
        if said := contradiction(expected, knock):
            yield Fault(
                message=f"The server's answer to {stack.name} is another one than expected. The "
                "prediction goes by the answer.",
                evidence=said,
                about=stack.id,
            )
