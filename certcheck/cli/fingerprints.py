"""`certcheck fingerprints`."""

from certcheck.cli import lookalikes, wiring
from certcheck.cli.options import AskNobody, Output, Probing, Targets
from certcheck.cli.progress import bar
from certcheck.model.run import Run

EXAMPLE = "Example: certcheck fingerprints imap://mail.example.org smtp://mail.example.org:587"


def command(
    output: Output,
    probing: Probing,
    target: Targets = None,
    dry_run: AskNobody = False,
) -> None:
    """Which certificate every port serves. In the form that mail programs show."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.budget import budget
        from certcheck.workflow.fingerprints import fingerprints

        site, _ = config.load(output.config)
        endpoints = wiring.endpoints(target, site)
        lookalikes.warn(each.host for each in endpoints)
        asking = wiring.asking(site, probing)
        if dry_run:
            return budget(blank, endpoints, asking, depths=("certificates",))
        with bar("looking", quiet=output.quiet) as seen:
            return fingerprints(blank, endpoints, asking, seen=seen)

    wiring.perform(
        "fingerprints", output, {"targets": tuple(target or ()), "dry_run": dry_run}, work
    )
