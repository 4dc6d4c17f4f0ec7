"""A sweep: a line for each endpoint and address, and none lost or repeated by what ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from certcheck.cli.given import Stream
from certcheck.config import Site
from certcheck.errors import InputError
from tests.conftest import COMMAND, Certcheck
from tests.zoo.identities import context
from tests.zoo.keeper import Place, kept
from tests.zoo.manners import implicit, server

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "row.schema.json").read_text())
VALID = jsonschema.Draft202012Validator(SCHEMA)  # made once: that takes its time
MANY = 80


@pytest.fixture
def everywhere() -> Iterator[Place]:
    """An IMAP server at every address of 127.0.0.0/8."""
    with kept(server("imap", tls=context("ecdsa", "rsa2048")), "0.0.0.0") as place:  # noqa: S104
        yield place


@pytest.fixture
def targets(everywhere: Place, tmp_path: Path) -> Path:
    """A list of many of them."""
    return listed(tmp_path / "targets", everywhere.port, MANY)


def listed(path: Path, port: int, size: int) -> Path:
    hosts = (
        f"127.{number // 62_500 + 1}.{number // 250 % 250}.{number % 250 + 1}"
        for number in range(size)
    )
    path.write_text("".join(f"imap://{host}:{port}\n" for host in hosts))
    return path


def rows(text: str) -> list[dict[str, Any]]:
    read = [json.loads(line) for line in text.splitlines()]
    for row in read:
        VALID.validate(row)
    return read


def assert_each_once(file: Path, targets: Path) -> None:
    found = rows(file.read_text())
    told = Counter(row["endpoint"] for row in found)
    assert told == Counter(targets.read_text().split())
    assert [row["id"] for row in found] == [f"o{number}" for number in range(1, len(found) + 1)]
    assert file.read_bytes().endswith(b"\n")


def begun(*arguments: str | Path, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "fingerprints", *map(str, arguments)], stdout=stdout, stderr=-1, text=True
    )


def test_a_line_tells_what_an_observation_tells(certcheck: Certcheck, everywhere: Place) -> None:
    url = f"imap://127.0.0.1:{everywhere.port}"

    ended = certcheck("fingerprints", "--jsonl", url)
    (row,) = rows(ended.stdout)
    (seen,) = certcheck("fingerprints", "--json", url).document["observations"]

    assert (ended.code, ended.stderr) == (0, "")
    for name in ("endpoint", "address", "server_name", "tls_mode", "outcome", "reason"):
        assert row[name] == seen[name]
    served = {(each["key_type"], *each["chain"]) for each in seen["deployments"]}
    assert {(each["key_type"], *each["chain"]) for each in row["deployments"]} == served
    assert all(each["possession_proven"] for each in row["deployments"])
    assert {leaf for _, leaf, *_ in served} <= set(row["certificates"])
    assert (row["addresses"], row["connections"]) == (1, 2)


def test_a_list_is_told_line_by_line(certcheck: Certcheck, targets: Path, tmp_path: Path) -> None:
    doubled = tmp_path / "doubled"
    doubled.write_text(f"\ufeff# all of them twice\n\n{targets.read_text() * 2}", encoding="utf-8")

    ended = certcheck("fingerprints", "--jsonl", "-o", "lines", f"@{doubled}")

    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    assert_each_once(tmp_path / "lines", targets)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_a_signal_loses_and_repeats_nothing(
    certcheck: Certcheck, targets: Path, tmp_path: Path, number: signal.Signals, after: int
) -> None:
    file = tmp_path / "lines"
    sweep = begun("--resume", file, f"@{targets}")
    deadline = time.monotonic() + 60
    while not file.exists() or file.read_bytes().count(b"\n") < after:
        assert time.monotonic() < deadline
    sweep.send_signal(number)
    _, errors = sweep.communicate(timeout=60)

    there = file.read_bytes()
    again = certcheck("fingerprints", "--resume", file, f"@{targets}")

    if sweep.returncode > 0:  # the rest of a sweep may take no longer than a signal
        assert sweep.returncode == 128 + number, errors
        assert "interrupted by a signal (the same command goes on)" in errors
    assert again.code == 0
    assert file.read_bytes().startswith(there[: there.rfind(b"\n") + 1])
    assert_each_once(file, targets)


def test_a_sweep_that_is_done_asks_nobody(
    certcheck: Certcheck, everywhere: Place, targets: Path, tmp_path: Path
) -> None:
    sweep = ("fingerprints", "--jsonl", "--resume", "lines", f"@{targets}")
    assert certcheck(*sweep).code == 0
    asked, file = everywhere.count(), (tmp_path / "lines").read_bytes()

    again = certcheck(*sweep)

    assert (again.code, again.stdout) == (0, "")
    assert everywhere.count() == asked
    assert (tmp_path / "lines").read_bytes() == file


@pytest.mark.parametrize("cut", [1, 200, 0])
@pytest.mark.parametrize("tail", [b"", b"\0" * 100], ids=["", "nulls"])
def test_a_line_that_was_cut_off_is_told_anew(
    certcheck: Certcheck, targets: Path, tmp_path: Path, cut: int, tail: bytes
) -> None:
    file = tmp_path / "lines"
    assert certcheck("fingerprints", "--resume", file, f"@{targets}").code == 0
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:50]) + lines[50][:cut] + tail)

    assert certcheck("fingerprints", "--resume", file, f"@{targets}").code == 0
    assert_each_once(file, targets)


@pytest.mark.parametrize("room", [10, 60_000])
def test_a_full_disk_loses_nothing(
    certcheck: Certcheck, targets: Path, tmp_path: Path, room: int
) -> None:
    file = tmp_path / "lines"
    arguments = (*COMMAND, "fingerprints", "--resume", str(file), f"@{targets}")
    full = subprocess.run(
        ("prlimit", f"--fsize={room}", *arguments),
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert full.returncode == 3
    assert full.stderr.startswith(f"certcheck: cannot write {file}: File too large (make room")
    assert len(full.stderr.splitlines()) == 1
    assert certcheck("fingerprints", "--resume", file, f"@{targets}").code == 0
    assert_each_once(file, targets)


@pytest.mark.parametrize(
    "content",
    [
        "imap://a.example\n",
        "imap://a.example",
        '{"endpoint": "imap://a.example:143"}\n',
        "[site]\nname = 1",
        "{}\n",
        "\n",
    ],
)
def test_a_file_of_something_else_is_left_alone(
    certcheck: Certcheck, targets: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "notes").write_text(content)

    ended = certcheck("fingerprints", "--resume", "notes", f"@{targets}")

    assert ended.code == 2
    assert "notes:1 is no line of a sweep" in ended.complaint
    assert (tmp_path / "notes").read_text() == content


def test_a_second_sweep_into_one_file_is_refused(certcheck: Certcheck, tmp_path: Path) -> None:
    with kept(lambda visitor: visitor.stay_silent()) as silent:
        url = f"imap://127.0.0.1:{silent.port}"
        with begun("--resume", tmp_path / "lines", url) as first:
            while not silent.count():
                time.sleep(0.01)
            second = certcheck("fingerprints", "--resume", "lines", url)
            first.send_signal(signal.SIGINT)
            first.communicate(timeout=60)

    assert second.code == 3
    assert "another run writes to lines" in second.complaint
    assert first.returncode == 130
    assert (tmp_path / "lines").read_bytes() == b""


def test_addresses_of_a_name_that_were_told_are_not_asked_again(
    certcheck: Certcheck, everywhere: Place, tmp_path: Path
) -> None:
    url, file = f"imap://mail.example.test:{everywhere.port}", tmp_path / "lines"
    there = (f"--connect-to=mail.example.test::127.0.0.{number}" for number in (1, 2, 3))
    sweep = ("fingerprints", "--resume", "lines", *there, url)
    assert certcheck(*sweep).code == 0
    first, second, third = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + second)
    asked = everywhere.count()

    assert certcheck(*sweep).code == 0

    assert everywhere.count() == asked + 2
    told = rows(file.read_text())
    assert {row["address"] for row in told} == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
    assert [(row["addresses"], row["server_name"]) for row in told] == [
        (3, "mail.example.test")
    ] * 3
    assert json.loads(third)["address"] == told[-1]["address"]


def test_what_was_not_seen_is_exit_3_also_when_nothing_is_left_to_ask(
    certcheck: Certcheck, everywhere: Place
) -> None:
    urls = (f"imap://127.0.0.1:{everywhere.port}", "imap://127.0.0.1:9")
    sweep = ("fingerprints", "--resume", "lines", *urls)

    assert [certcheck(*sweep).code for _ in range(2)] == [3, 3]


def test_closed_ports_of_a_bare_host_are_information(certcheck: Certcheck) -> None:
    ended = certcheck("fingerprints", "--jsonl", "127.66.66.66")

    assert ended.code == 3  # not one of them is open
    told = rows(ended.stdout)
    assert {row["outcome"] for row in told} == {"closed"}
    assert len(told) == 9


def test_a_name_without_address_is_a_line(certcheck: Certcheck) -> None:
    ended = certcheck("fingerprints", "--jsonl", "imap://gone.invalid")

    (row,) = rows(ended.stdout)
    assert ended.code == 3
    assert (row["address"], row["reason"], row["connections"]) == (None, "unresolved", 0)


def test_a_bad_line_is_named_before_anyone_is_asked(
    certcheck: Certcheck, everywhere: Place, targets: Path, tmp_path: Path
) -> None:
    targets.write_text(f"{targets.read_text()}imap://a_b..example\n")

    ended = certcheck("fingerprints", "--resume", "lines", f"@{targets}")

    assert ended.code == 2
    assert f"{targets}:{MANY + 1}: " in ended.complaint
    assert not everywhere.count()
    assert not (tmp_path / "lines").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--jsonl", "--json"),
        ("--jsonl", "--format", "html"),
        ("--resume", "lines", "-o", "other"),
        ("--resume", "gone/lines"),
        ("--resume", "/dev/full"),
        ("--jsonl", "@empty"),
        ("--jsonl", "@missing"),
    ],
)
def test_what_does_not_go_together_is_refused(
    certcheck: Certcheck, tmp_path: Path, arguments: Sequence[str]
) -> None:
    (tmp_path / "empty").write_text("# none\n")
    own = () if arguments[-1].startswith("@") else ("imap://127.0.0.1:9",)

    ended = certcheck("fingerprints", *arguments, *own)

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.complaint


def test_a_reader_that_has_seen_enough_ends_it(targets: Path) -> None:
    sweep = begun("--jsonl", f"@{targets}", stdout=subprocess.PIPE)
    assert sweep.stdout is not None
    assert sweep.stderr is not None
    sweep.stdout.readline()
    sweep.stdout.close()

    with sweep.stderr:
        assert sweep.stderr.read() == ""
    assert sweep.wait(timeout=60) == 0


def test_lines_that_cannot_be_shown_are_told(targets: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "fingerprints", "--jsonl", f"@{targets}"],
            stdout=full,
            stderr=-1,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 3
    assert (
        done.stderr
        == "certcheck: cannot write the lines: No space left on device (look at the disk)\n"
    )


def test_silent_hosts_do_not_hold_up_the_others(
    certcheck: Certcheck, targets: Path, tmp_path: Path
) -> None:
    with kept(lambda visitor: visitor.stay_silent(), "0.0.0.0") as silent:  # noqa: S104
        dead = listed(tmp_path / "dead", silent.port, 100).read_text()
        mixed = tmp_path / "mixed"
        mixed.write_text(dead + targets.read_text())
        ended = certcheck("fingerprints", "--jsonl", "--timeout", "6", f"@{mixed}")

    told = rows(ended.stdout)
    assert ended.code == 3
    assert {row["outcome"] for row in told[:MANY]} == {"seen"}
    assert {row["reason"] for row in told[MANY:]} == {"greeting_timeout"}


def test_a_dry_run_counts_the_connections(certcheck: Certcheck, everywhere: Place) -> None:
    ended = certcheck("fingerprints", "--jsonl", "--dry-run", f"imap://127.0.0.1:{everywhere.port}")

    assert ended.code == 0
    assert "keys" in ended.stdout
    assert not everywhere.count()


def test_a_long_list_is_read_one_by_one(tmp_path: Path) -> None:
    path = listed(tmp_path / "long", 143, 100_000)

    stream = Stream([f"@{path}"], Site())

    assert stream.size == 100_000
    assert next(iter(stream))[0].url == "imap://127.1.0.1:143"
    path.write_text(path.read_text() + "imap://-.example")
    with pytest.raises(InputError, match="100001"):
        Stream([f"@{path}"], Site())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_list(tmp_path: Path) -> None:
    with kept(implicit("imap", tls=context()), "0.0.0.0") as place:  # noqa: S104
        few, many = (peak(tmp_path, place.port, size) for size in (600, 3000))

    assert many - few < 4 * 1024


def peak(folder: Path, port: int, size: int) -> int:
    """The largest resident size of such a sweep, in KiB."""
    path = listed(folder / f"{size}", port, size)
    path.write_text(path.read_text().replace("imap:", "imaps:"))
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    sweep = [*COMMAND, "fingerprints", "-o", f"{path}.lines", "--jsonl", f"@{path}"]
    done = subprocess.run(
        [sys.executable, "-c", program, *sweep], capture_output=True, check=True, timeout=110
    )
    assert Path(f"{path}.lines").read_bytes().count(b"\n") == size
    return int(done.stdout)
