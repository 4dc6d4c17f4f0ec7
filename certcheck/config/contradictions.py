"""What is wrong in a certcheck.toml whose every single value is right."""

from collections.abc import Iterator

from certcheck.config.tables import BundleTable, HostTable, Site
from certcheck.errors import InputError
from certcheck.model.endpoint import Hostname


def contradictions(site: Site) -> Iterator[str]:
    """A sentence for each place that contradicts another."""
    try:
        _ = site.resolver
    except InputError as error:
        yield f"[site] resolver: {error.message}"
    yield from _twice("bundle", [b.name for b in site.bundle])
    yield from _twice("server", [s.name for s in site.server])
    yield from _idle_arguments(site)
    for bundle in site.bundle:
        yield from (f"[[bundle]] {bundle.name}: {fault}" for fault in _challenge_faults(bundle))
    for server in site.server:
        yield from _unknown(site, f"[[server]] {server.name}", server.bundle, server.host)
    for e in site.endpoint:
        yield from _unknown(site, f"[[endpoint]] {e.url.url}", e.bundle, e.host)
    yield from (fault for host in site.host for fault in _host_faults(host))


def _host_faults(host: HostTable) -> Iterator[str]:
    if bool(host.enter) != bool(host.root):
        yield f"[[host]] {host.name.ascii}: enter and root go together"
    for a in host.addresses:
        if not a.is_ip:
            yield f"[[host]] {host.name.ascii}: {a.ascii!r} is not an IP address"


def _idle_arguments(site: Site) -> Iterator[str]:
    idle = (b.name for b in site.bundle if b.certbot_args and b.via != "certbot")
    yield from (f'[[bundle]] {name}: certbot_args without via = "certbot"' for name in idle)


def _challenge_faults(bundle: BundleTable) -> Iterator[str]:
    by_dns = bundle.challenge == "dns-01"
    if by_dns and bundle.dns_hook is None:
        yield 'challenge = "dns-01" needs a dns_hook'
    if bundle.dns_hook is not None and not by_dns:
        yield 'dns_hook needs challenge = "dns-01"'
    if by_dns and (bundle.webroot or bundle.http_port):
        yield 'webroot and http_port are for challenge = "http-01"'


def _twice(kind: str, names: list[str]) -> Iterator[str]:
    yield from (f"two [[{kind}]] are called {n!r}" for n in set(names) if names.count(n) > 1)


def _unknown(site: Site, where: str, bundle: str | None, host: Hostname | None) -> Iterator[str]:
    if bundle is not None and bundle not in {b.name for b in site.bundle}:
        yield f"{where}: no [[bundle]] is called {bundle!r}"
    if host is not None and host not in {h.name for h in site.host}:
        yield f"{where}: no [[host]] is called {host.ascii!r}"
