"""`python -m tests.bench`: certcheck and other tools, side by side; as root, with nothing else."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import document, machine, proxy, servers
from tests.bench.document import Bench
from tests.bench.hot import profiled
from tests.bench.measure import ROOT, Job, Sample, environment, sampled
from tests.bench.proxy import Link, Proxy
from tests.bench.rows import START, rows
from tests.bench.table import Result, Row, verdicts, words

_DELAY = 0.02
# Seconds; what takes longer runs once less, since the way decides there, and not chance.
_LONG = 10.0
# It is taken off everything else, and quickly done.
_LEAST = {START: 7}
# Rows whose first job is profiled, on loopback.
_HOT = ("suites", "fingerprints", "fingerprint", "hellos", "bridge")
_INSIDE = "CERTCHECK_BENCH_INSIDE"


def main(argv: Sequence[str]) -> int:
    """Run all rows or some, print them, and write the document; 1 when a job had no result."""
    options = _options(argv)
    began = time.monotonic()
    load = machine.load()
    # As after an installation: no run shall compile anything.
    compiled = [sys.executable, "-m", "compileall", "-q", "certcheck", "tests/bench"]
    subprocess.run(compiled, cwd=ROOT, env=environment(), check=True)
    _say(f"load {load}")
    links = [
        Link(address=each.far, upstream=each.address, port=each.port, delay=_DELAY)
        for each in servers.SERVERS
    ]
    with servers.up() as place, proxy.running(links) as far:
        chosen = [
            each
            for each in rows(place, "--jsonl" if machine.has_jsonl() else "--json")
            if not options.rows or each.key in (START, *options.rows.split(","))
        ]
        results = _measured(chosen, options.runs, place, far)
        profiles = [profiled(job, place) for job in _hot_jobs(chosen)]
    bench = Bench(
        machine=machine.described(),
        load=load,
        seconds=time.monotonic() - began,
        results=results,
        profiles=profiles,
    )
    if options.output:
        options.output.write_text(document.rendered(bench), encoding="utf-8")
    return int(any(not result.worked for _, each in results for result in each))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", default="", help="keys, with commas; default: all")
    parser.add_argument("--runs", type=int, default=3, help="of each job; the median counts")
    parser.add_argument("-o", "--output", type=Path, help="write the document there")
    return parser.parse_args(argv)


def _measured(
    chosen: Sequence[Row], runs: int, place: Path, far: Proxy
) -> list[tuple[Row, list[Result]]]:
    results: list[tuple[Row, list[Result]]] = []
    start = 0.0
    for row in chosen:
        _say(f"\n{row.work}, {row.where}")
        done = [
            Result(job=job, samples=samples, start=start if job.is_python and not row.far else 0.0)
            for job, samples in _side_by_side(row, max(runs, _LEAST.get(row.key, 1)), place, far)
        ]
        if row.key == START:
            start = done[0].wall
        for verdict in verdicts(row, done):
            ratio = "no result" if verdict.ratio is None else f"{verdict.ratio:.1f}"
            _say(f"  against {verdict.peer}: {ratio}, goal {verdict.goal:g}")
        results.append((row, done))
    return results


def _side_by_side(
    row: Row, runs: int, place: Path, far: Proxy
) -> list[tuple[Job, tuple[Sample, ...]]]:
    samples: dict[str, list[Sample]] = {job.name: [] for job in row.jobs}
    for number in range(runs):
        for job in row.jobs:
            is_long = any(each.wall > _LONG for each in samples[job.name])
            if number < min(job.most, runs - is_long):
                sample = sampled(job, place, far, row.far)
                samples[job.name].append(sample)
                _print(job, sample, place)
    return [(job, tuple(samples[job.name])) for job in row.jobs]


def _print(job: Job, sample: Sample, place: Path) -> None:
    figures = f"{sample.wall:7.2f} s {sample.cpu:6.2f} s CPU {sample.memory / 1e6:5.0f} MB"
    _say(
        f"  {job.name:36} {figures} {sample.connections:6}  {sample.trouble or words(sample.seen)}"
    )
    if sample.trouble:
        _say("    " + " | ".join((place / "stderr").read_text(errors="replace").split("\n")[-4:]))


def _hot_jobs(chosen: Sequence[Row]) -> list[Job]:
    near = {row.key: row.jobs[0] for row in reversed(chosen) if row.far is None}
    return [near[key] for key in _HOT if key in near]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _inside(argv: Sequence[str]) -> int:
    """All of it again, in a network namespace that has loopback only."""
    again = (sys.executable, "-m", "tests.bench", *argv)
    environment = {**os.environ, _INSIDE: "yes"}
    return subprocess.call(["unshare", "--net", "--", *again], env=environment)


if __name__ == "__main__":
    if _INSIDE not in os.environ:
        sys.exit(_inside(sys.argv[1:]))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    sys.exit(main(sys.argv[1:]))
