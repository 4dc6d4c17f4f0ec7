"""`certcheck recover`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certcheck.cli import wiring
from certcheck.cli.options import Output, Probing

if TYPE_CHECKING:
    from certcheck.model.run import Run

EXAMPLE = "Example: certcheck recover -c /etc/certcheck/certcheck.toml"


def command(output: Output, probing: Probing) -> None:
    """Finish or put back what a killed run left half done."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.recover import recover

        site, _ = config.load(output.config)
        means = wiring.means(site, probing, output, confirm=False)
        # Only an open order needs the authority: what is wrong with [acme] must not hold up a host.
        return recover(blank, means, lambda directory: wiring.authority(site, directory))

    wiring.perform("recover", output, {}, work)
