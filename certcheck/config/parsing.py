"""The text of certcheck.toml becomes a Site, or an error that tells every fault of it at once."""

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from certcheck.config.contradictions import contradictions
from certcheck.config.faults import fault
from certcheck.config.tables import Site
from certcheck.errors import InputError


def parsed(text: str, path: Path) -> Site:
    """The site that the text of the file at `path` describes; InputError with all its faults."""
    try:
        raw = tomllib.loads(text)
        site = TypeAdapter(Site).validate_python(raw, context={"base": path.parent})
    except ValidationError as e:
        faults = [fault(error, Site) for error in e.errors()]
        raise InputError(f"{path}: {'; '.join(faults)}", hint="correct the file") from e
    except (ValueError, RecursionError) as e:  # tomllib's own, and what huge numbers make of it
        raise InputError(f"{path}: {e}", hint="correct the file") from e
    faults = list(contradictions(site))
    if faults:
        raise InputError(f"{path}: {'; '.join(faults)}", hint="correct the file")
    return site
