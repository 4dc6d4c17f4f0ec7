"""A running lab as a value, as `lab.json` and as `certcheck.toml`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from certcheck.lab.plan import BUNDLE, DOMAIN, HOST, Ports, User, address
from certcheck.lab.zone import Zone

SCHEMA = "certcheck.lab/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server of the lab; `config` is what its own tools take after `-c`."""

    version: str
    config: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHost:
    """A mail host of the lab, with the URLs of all its services."""

    name: str
    addresses: tuple[str, ...]
    endpoints: tuple[str, ...]
    dovecot: MailServer
    postfix: MailServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Everything about a running lab; see the contract of `lab.json` for the first of them."""

    hosts: tuple[MailHost, ...]
    acme_directory: str
    acme_ca: Path
    acme_root: Path
    http01_port: int
    challtestsrv: str
    users: tuple[User, ...]
    config: Path
    pids: tuple[int, ...]
    path: Path
    runtime: Path
    resolver: str
    ports: Ports
    zone: Zone
    holder: int
    nsd: int
    unbound: int

    @property
    def host(self) -> MailHost:
        """The one mail host."""
        return self.hosts[0]


def as_json(lab: Lab) -> str:
    """The text of `lab.json`."""
    hosts = [
        {
            "name": host.name,
            "addresses": host.addresses,
            "endpoints": host.endpoints,
            "dovecot": server_values(host.dovecot),
            "postfix": server_values(host.postfix),
        }
        for host in lab.hosts
    ]
    document = {
        "schema": SCHEMA,
        "hosts": hosts,
        "directory": lab.acme_directory,
        "acme_ca": str(lab.acme_ca),
        "acme_root": str(lab.acme_root),
        "http01_port": lab.http01_port,
        "challtestsrv": lab.challtestsrv,
        "users": [{"login": user.login, "password": user.password} for user in lab.users],
        "config": str(lab.config),
        "pids": lab.pids,
    }
    return json.dumps(document, indent=2) + "\n"


def as_toml(*, host: MailHost, ports: Ports, directory: str, acme_ca: Path) -> str:
    """The text of the lab's `certcheck.toml`."""
    contact = f"postmaster@{DOMAIN}"
    tables = [
        table(
            "[site]",
            name="Example Mail",
            contact=contact,
            phone="+49 30 0000000",
            url=f"https://www.{DOMAIN}/",
            locale="en",
            state="state",
            resolver=address(ports.resolver),
        ),
        table("[acme]", directory=directory, ca_file=str(acme_ca), email=contact),
        table(
            "[[bundle]]",
            name="mail",
            names=BUNDLE,
            key="ecdsa",
            challenge="http-01",
            http_port=ports.http01,
        ),
        table("[[host]]", name=HOST, addresses=host.addresses),
        *_servers(host),
        *(table("[[endpoint]]", url=url, bundle="mail", host=HOST) for url in host.endpoints),
    ]
    return "\n".join(tables)


def _servers(host: MailHost) -> Iterator[str]:
    for kind, server in (("dovecot", host.dovecot), ("postfix", host.postfix)):
        config = str(server.config)
        yield table("[[server]]", name=kind, host=HOST, kind=kind, config=config, bundle="mail")


def server_values(server: MailServer) -> dict[str, str]:
    """A server in the words of `lab.json`."""
    return {"version": server.version, "config": str(server.config)}


def table(header: str, /, **values: str | int | tuple[str, ...]) -> str:
    """A table of `certcheck.toml`, with a blank line after it."""
    # An ASCII string, a number or a list of strings in JSON is the same in TOML.
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([header, *lines, ""])
