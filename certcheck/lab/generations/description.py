"""A running lab of two generations as a value, as `lab.json` and as `certcheck.toml`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from certcheck.lab.description import SCHEMA, MailHost, MailServer, server_values, table
from certcheck.lab.generations.host import DOVECOT_CONFIG, POSTFIX_CONFIG, Host
from certcheck.lab.generations.plan import (
    ENDPOINTS,
    HASHED_USERS,
    MASTER,
    MASTER_PASSWORD,
    NAMES,
    PORTS,
    SEPARATOR,
    SERVICE,
)
from certcheck.lab.pebble import Ca
from certcheck.lab.plan import DOMAIN, USERS, address


def mail_host(host: Host) -> MailHost:
    """The host in the words of the contract; its files are those that its own tools see."""
    return MailHost(
        name=host.name,
        addresses=host.address.both,
        endpoints=ENDPOINTS,
        dovecot=MailServer(version=host.version("dovecot"), config=DOVECOT_CONFIG),
        postfix=MailServer(version=host.version("postfix"), config=POSTFIX_CONFIG),
    )


def as_json(  # noqa: PLR0913 - the document is made of so many things
    *,
    hosts: tuple[Host, ...],
    ca: Ca,
    acme_root: Path,
    old_root: Path,
    config: Path,
    client: int,
    pids: tuple[int, ...],
    scripts: Mapping[str, Path],
) -> str:
    """The text of `lab.json`: the contract's keys, and `generations` for what only this lab has."""
    document = {
        "schema": SCHEMA,
        "hosts": [_host(mail_host(host)) for host in hosts],
        "directory": ca.directory,
        "acme_ca": str(ca.ca_file),
        "acme_root": str(acme_root),
        "http01_port": PORTS.http01,
        "challtestsrv": f"http://{address(PORTS.challenges)}",
        "users": [asdict(user) for user in USERS],
        "config": str(config),
        "pids": pids,
        "generations": {
            "client_pid": client,
            "host_pids": {host.name: host.pid for host in hosts},
            "service_addresses": SERVICE.both,
            "old_root": str(old_root),
            "hashed_users": [
                {"login": u.login, "password": u.password, "scheme": u.scheme} for u in HASHED_USERS
            ],
            "master_user": {
                "login": MASTER,
                "password": MASTER_PASSWORD,
                "separator": SEPARATOR,
            },
            "scripts": {name: str(path) for name, path in scripts.items()},
        },
    }
    return json.dumps(document, indent=2) + "\n"


def as_toml(new: Host, ca: Ca, hook: Path) -> str:
    """The text of `certcheck.toml`, for commands that run in the client's network."""
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
            resolver=address(PORTS.resolver),
        ),
        table("[acme]", directory=ca.directory, ca_file=str(ca.ca_file), email=contact),
        table(
            "[[bundle]]",
            name="mail",
            names=NAMES,
            key="ecdsa",
            challenge="dns-01",
            dns_hook=str(hook),
        ),
        host_table(new),
        *(
            table(
                "[[server]]", name=kind, host=new.name, kind=kind, config=str(path), bundle="mail"
            )
            for kind, path in (("dovecot", DOVECOT_CONFIG), ("postfix", POSTFIX_CONFIG))
        ),
        *(table("[[endpoint]]", url=url, bundle="mail", host=new.name) for url in ENDPOINTS),
    ]
    return "\n".join(tables)


def host_table(host: Host) -> str:
    """The one place that says how certcheck reaches a host of this lab.

    `host.enter` are the words that run a program there, `host.root` is its file system.
    """
    return table(
        "[[host]]",
        name=host.name,
        addresses=host.address.both,
        enter=host.enter,
        root=str(host.root),
    )


def _host(host: MailHost) -> dict[str, object]:
    return {
        "name": host.name,
        "addresses": host.addresses,
        "endpoints": host.endpoints,
        "dovecot": server_values(host.dovecot),
        "postfix": server_values(host.postfix),
    }
