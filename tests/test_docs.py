"""The pages of docs/ say what the program says, and name nothing of the machine they came from."""

import re
from pathlib import Path

from tools.docs import DOCS, pages

ROOT = DOCS.parent


def test_the_generated_pages_are_in_sync() -> None:
    stale = [path.name for path, text in pages().items() if path.read_text() != text]

    assert stale == [], "run make docs"


def test_the_readme_shows_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    commands = set(re.findall(r"^(?:\$ )?certcheck (\w+)(?=  | [a-z-]*\.|$)", text, re.MULTILINE))

    assert commands
    shown = {"demo", "fingerprints", "audit", "issue", "install", "rollback", "recover"}
    assert commands <= shown | {"bundles", "lab", "snapshot", "verify", "watch"}


def test_nothing_names_a_machine_or_a_registry() -> None:
    foreign = re.compile(r"/ro[o]t/|/wor[k]/|pypi\.org|pythonhosted|debian\.org|npmjs")
    texts = [p for p in ROOT.rglob("*") if p.suffix in {".md", ".toml", ".txt", ".sh", ".py"}]
    ours = [p for p in texts if not {".venv", ".nodes"} & {*p.parts} and p != Path(__file__)]

    assert [str(p) for p in ours if foreign.search(p.read_text(errors="replace"))] == []
