"""`python -m tests.clients light heavy` runs the programs and records what they did."""

import sys
import tempfile
from pathlib import Path

from tests.clients import pairs, parts


def main(*wanted: str) -> None:
    """Run each of these parts and record it."""
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="certcheck-proof-") as place:
            found = parts.PARTS[name](Path(place))
        pairs.write(parts.FILES[name], found)
        for each in found:
            if not each.agreed:
                sys.stdout.write(f"{each}\n")
        agreed = sum(each.agreed for each in found)
        sys.stdout.write(f"{name}: {agreed} of {len(found)} pairs agree\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
