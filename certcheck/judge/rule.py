"""All rules in one place: what they find in observations, and the page that explains them."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from certcheck.judge import (
    certificate_rules,
    chain_rules,
    demand_rules,
    hole_rules,
    knock_rules,
    mixture_rules,
    name_rules,
    protocol_rules,
    reach_rules,
    start_rules,
)
from certcheck.judge.fault import Rule
from certcheck.model.finding import Finding
from certcheck.model.observation import Observation

RULES: tuple[Rule, ...] = (
    reach_rules.port_closed,
    reach_rules.tls_failed,
    start_rules.injected_bytes,
    start_rules.preauth,
    start_rules.starttls_garbled,
    start_rules.tls_on_plain_port,
    start_rules.plain_on_tls_port,
    reach_rules.not_seen,
    reach_rules.scan_incomplete,
    reach_rules.engines_disagree,
    name_rules.lookalike_name,
    name_rules.underscore_in_name,
    certificate_rules.expired,
    certificate_rules.not_yet_valid,
    certificate_rules.expires_soon,
    certificate_rules.name_missing,
    certificate_rules.name_missing_without_sni,
    certificate_rules.self_signed,
    chain_rules.chain_incomplete,
    chain_rules.chain_disordered,
    chain_rules.chain_has_root,
    chain_rules.untrusted,
    chain_rules.private_ca,
    mixture_rules.mixed_certificates,
    certificate_rules.weak_key,
    certificate_rules.weak_signature,
    protocol_rules.old_protocol,
    protocol_rules.modern_protocol_missing,
    protocol_rules.tls13_missing,
    protocol_rules.weak_suite,
    protocol_rules.login_before_tls,
    hole_rules.heartbleed,
    hole_rules.robot,
    hole_rules.ccs_injection,
    hole_rules.compression,
    hole_rules.insecure_renegotiation,
    hole_rules.client_renegotiation,
    hole_rules.fallback_scsv_missing,
    hole_rules.extended_master_secret_missing,
    hole_rules.early_data,
    demand_rules.asks_for_client_certificate,
    knock_rules.answer_unexpected,
)

_HEAD = """\
# Findings

What `certcheck audit` looks for, by rule id. Generated from the rules themselves: `make docs`.

A rule says what is wrong, or nothing. Its verdict is **fail**, or **inconclusive** where the
answer could not be had: that is neither good nor bad, and never turns green or red by itself. An
id such as `expired-3f2a90c1d4` is made from rule, endpoint, address and certificate, so it is the
same tomorrow. The severity is the usual one; the text says where it differs. What is wrong only
with the certificate for programs that send no SNI (from before about 2015) is a note.
"""


def findings(observations: Sequence[Observation], now: datetime) -> tuple[Finding, ...]:
    """What all rules find; ids are unique.

    First by observation, then by rule; then what shows between the addresses of one endpoint.
    """
    judged = tuple(map(_of_this_endpoint, observations))
    found = (f for each in judged for rule in RULES for f in rule(each, now))
    between = (f for group in _by_endpoint(judged) for rule in RULES for f in rule.over(group, now))
    unique: dict[str, Finding] = {}
    for finding in chain(found, between):
        unique.setdefault(finding.id, finding)
    return tuple(unique.values())


def _of_this_endpoint(observation: Observation) -> Observation:
    # Where another service answers, its certificate and its TLS are not this endpoint's.
    if observation.outcome != "inconclusive":
        return observation
    return replace(observation, deployments=(), protocols=(), cipher_suites={}, checks={})


def _by_endpoint(observations: Sequence[Observation]) -> list[list[Observation]]:
    groups: dict[str, list[Observation]] = {}
    for each in observations:
        groups.setdefault(each.endpoint, []).append(each)
    return list(groups.values())


def document() -> str:
    """The text of `docs/findings.md`."""
    return "\n".join((_HEAD, *(_section(rule) for rule in RULES)))


def _section(rule: Rule) -> str:
    verdict = "" if rule.verdict == "fail" else f" ({rule.verdict})"
    source = f"Source: <{rule.source}>"
    text = textwrap.fill(f"**{rule.severity}**{verdict}. {rule.text}", 96, break_on_hyphens=False)
    return f"## {rule.id}\n\n{text}\n\n{source}\n"
