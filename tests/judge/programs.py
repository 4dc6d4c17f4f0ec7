"""Observations and stores for predictions, made of certificates of the lab."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from certcheck import x509
from certcheck.judge.plans import Plan, planned, tls_plan
from certcheck.judge.prediction import Known
from certcheck.judge.profiles import clients
from certcheck.lab import pki
from certcheck.model.certificate import Certificate
from certcheck.model.client import Client, Store
from certcheck.model.observation import Observation

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
NAME = "mail.example.test"
CA = pki.authority(now=NOW)
ROOT = x509.chain(CA.root.certificate, where="root")[0]


def chain(
    shape: pki.Shape = pki.GOOD, *, issuer: pki.Identity | None = None
) -> tuple[Certificate, ...]:
    made = pki.make(shape, issuer=issuer or CA.intermediate, now=NOW)
    return x509.chain(made.chain, where="test")


def seen(
    *chains: Sequence[Certificate],
    plan: str = "mozilla-intermediate",
    server_name: str | None = NAME,
) -> Observation:
    """A server that keeps to a plan and serves these chains, with SNI and without."""
    blank = Observation(
        id="o1",
        endpoint=f"imap://{NAME}:143",
        tls_mode="starttls",
        address="192.0.2.7",
        server_name=server_name,
        at=NOW,
        outcome="seen",
    )
    served = tuple(map(tuple, chains)) or (chain(),)
    return planned(blank, Plan(tls=tls_plan(plan), chains=served))


def store(id_: str, *roots: Certificate, unsure: Sequence[Certificate] = ()) -> Store:
    return Store(
        id=id_, name=id_.title(), at=NOW.date(), source="a test", roots=roots, unsure=tuple(unsure)
    )


def known(*roots: Certificate, before: Sequence[str] = (), now: dt.datetime = NOW) -> Known:
    """All stores have these roots and no others."""
    ids = {each.store for each in clients().values() if each.store}
    stores: Mapping[str, Store] = {id_: store(id_, *roots) for id_ in ids}
    return Known(stores=stores, now=now, before=frozenset(before))


def client(id_: str, **changes: object) -> Client:
    return replace(clients()[id_], **changes)  # type: ignore[arg-type]
