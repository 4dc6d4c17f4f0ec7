"""The captured hellos of real programs, by their files' names."""

from pathlib import Path

_FOLDER = Path(__file__).parent.parent.parent / "fixtures" / "hellos"

HELLOS = {path.stem: bytes.fromhex(path.read_text()) for path in sorted(_FOLDER.glob("*.hex"))}
CURL = HELLOS["curl-7.88.1-openssl-imaps"]
THUNDERBIRD = HELLOS["thunderbird-153.7.0esr-imaps"]
