"""`certcheck recover`."""

from certcheck.cli import wiring
from certcheck.cli.options import Output, Probing
from certcheck.model.run import Run

EXAMPLE = "Example: certcheck recover -c /etc/certcheck/certcheck.toml"


def command(output: Output, probing: Probing) -> None:
    """Put back what a killed run left half done."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.recover import recover

        site, _ = config.load(output.config)
        return recover(blank, wiring.means(site, probing, output, confirm=False))

    wiring.perform("recover", output, {}, work)
