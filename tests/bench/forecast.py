"""What all known mail programs will do under 10,000 names at a planned server: `python -m` this."""

import json
import sys

from certcheck.judge.forecast import forecast
from certcheck.judge.prediction import Known
from certcheck.judge.profiles import clients
from certcheck.judge.stores import stores
from certcheck.lab import pki
from tests.judge.programs import NOW, chain, seen

_NAMES = 10_000
_DOMAINS = 5_000


def main() -> None:
    """Print how many names were told apart, in the words of the other works."""
    names = [f"mail{n}.customer{n % _DOMAINS}.test" for n in range(_NAMES)]
    covered = tuple(names[: _NAMES // 100])
    server = seen(chain(pki.Shape(names=covered)), chain(pki.Shape(names=covered, key="rsa2048")))
    found = forecast(tuple(clients().values()), server, names, Known(stores=stores(), now=NOW))
    told = sum(len(each.names) * len(each.predictions) for each in found)
    sys.stdout.write(json.dumps({"hellos": told, "connections": 0, "doubts": []}) + "\n")


if __name__ == "__main__":
    main()
