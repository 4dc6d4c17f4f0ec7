"""certcheck.toml becomes a `Site`."""

from certcheck.config.reading import PLACES, load
from certcheck.config.tables import (
    STATE,
    AcmeTable,
    BundleTable,
    EndpointTable,
    Expected,
    HostTable,
    KeyChoice,
    ServerKind,
    ServerTable,
    Site,
    SiteTable,
    words,
)

__all__ = [
    "PLACES",
    "STATE",
    "AcmeTable",
    "BundleTable",
    "EndpointTable",
    "Expected",
    "HostTable",
    "KeyChoice",
    "ServerKind",
    "ServerTable",
    "Site",
    "SiteTable",
    "load",
    "words",
]
