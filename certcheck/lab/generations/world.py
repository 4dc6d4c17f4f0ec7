"""A lab of two generations from the first namespace to the last process."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path

from certcheck.errors import Obstacle
from certcheck.lab import laboratory, pebble, pki, resolver
from certcheck.lab.daemons import Daemon, Daemons, held
from certcheck.lab.generations import (
    description,
    dns_hook,
    mail,
    mailboxes,
    namespace,
    plan,
    records,
    scripts,
    trees,
    waiting,
)
from certcheck.lab.generations.host import SERVERS, Host
from certcheck.lab.generations.mail import Change, unchanged
from certcheck.lab.generations.namespace import Namespace
from certcheck.lab.generations.plan import PORTS, Address, Which
from certcheck.lab.plan import BUNDLE, DOMAIN, LabOptions
from certcheck.lab.premises import Premises, folder, prepared, program

# Program -> Debian package.
NEEDED = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "ip": "iproute2",
    "nsd": "nsd",
    "nsenter": "util-linux",
    "pebble": "pebble",
    "pebble-challtestsrv": "pebble",
    "setpriv": "util-linux",
    "tar": "tar",
    "unbound": "unbound",
    "unshare": "util-linux",
}
_FILESYSTEMS = Path("/proc/filesystems")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a lab differs from the usual one; `acme` is about Pebble.

    The changes are made to each host's configuration before it starts.
    """

    acme: LabOptions = field(default_factory=LabOptions)
    change_old: Change = unchanged
    change_new: Change = unchanged
    filled: bool = True


DEFAULT = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generations:
    """A running lab: the client's network, the host of each generation, and what else it has.

    `old_root` is the root of the old host's certificates and of further hosts', `acme_root` that
    of new ones.
    """

    path: Path
    config: Path
    client: Namespace
    old: Host
    new: Host
    ca: pebble.Ca
    acme_root: Path
    old_root: Path
    authority: pki.Authority = field(repr=False)
    scripts: Mapping[str, Path]
    records: dns_hook.Records = field(repr=False)
    trees: trees.Trees
    numbers: Iterator[int] = field(repr=False)

    @property
    def hosts(self) -> tuple[Host, Host]:
        """Both, the old one first."""
        return (self.old, self.new)

    def host(self, which: Which) -> Host:
        """One of them by its word."""
        return self.old if which == "old" else self.new

    def door(self, address: str = plan.SERVICE.ipv4) -> mailboxes.Door:
        """Where the client logs in."""
        return mailboxes.Door(network=self.client, address=address)

    def publish(self, records: str) -> None:
        """Add records to the zone, in zone file syntax, instead of those of the last call."""
        self.client.call(lambda: self.records.put(dns_hook.PUBLISHED, records))

    def move_address(self, to: Which) -> None:
        """Move the service address to that host, and announce it; raises Obstacle."""
        self._script(scripts.MOVE_ADDRESS, to)

    def copy_mailboxes(self) -> None:
        """Make the new host's mailboxes what the old host's are; raises Obstacle."""
        self._script(scripts.MOVE_MAILBOXES)

    def identity(self, *names: str) -> pki.Identity:
        """A sound certificate below `old_root`; without names for all that the service has."""
        return self.authority.issue(pki.Shape(names=names or plan.NAMES))

    @contextmanager
    def new_host(self, change: Change = unchanged, *, servers_start: bool = True) -> Iterator[Host]:
        """One more host of Debian 13, at an address of its own, sound but for this change.

        It serves certificates below `old_root`. Without `servers_start` a server that refuses to
        start is no error: its ports are closed, and `host.log` or `host.start` says why.
        """
        number = next(self.numbers)
        name = f"mail-{number}.{DOMAIN}"
        log = self.path / "log" / f"host-{number}.log"
        sound = mail.new(self.identity(), self.identity(plan.LEGACY))
        with held(log) as daemons:
            host = _host(daemons, name, plan.address(number), self.trees.new, log)
            host.wire(self.client, number)
            host.configure(change(sound))
            _start(host, strict=servers_start)
            yield host

    def _script(self, name: str, *words: str) -> None:
        done = Namespace(name="here", pid=0, enter=()).run([self.scripts[name], *words])
        if done.returncode:
            raise Obstacle(f"{name}: {done.stderr.strip()}", hint="is the lab still up?")


@contextmanager
def up(directory: Path, *, options: Options = DEFAULT) -> Iterator[Generations]:
    """A running lab in `directory`, which is empty or missing; at the end no process is left.

    Raises InputError for the directory, and Obstacle for what is missing or does not answer.
    """
    with _running(directory, options) as (lab, _):
        yield lab


def serve(
    directory: Path, ready: Callable[[Generations], None], *, options: Options = DEFAULT
) -> None:
    """Run a lab, hand it to `ready`, and stop it on SIGTERM or SIGINT; main thread only."""
    with laboratory.stop_signals() as stop, _running(directory, options) as (lab, daemons):
        ready(lab)
        daemons.watch(until=stop)


@contextmanager
def _running(directory: Path, options: Options) -> Iterator[tuple[Generations, Daemons]]:
    premises = prepared(directory, NEEDED)
    refuse_without_overlay()
    systems = trees.ready()
    with held(folder(premises.logs) / "holder.log") as daemons:
        lab, pids = _made(premises, daemons, systems, options)
        daemons.remove_at_end(premises.directory / "lab.json")
        _publish_json(premises, lab, (daemons.holder, *pids))
        yield lab, daemons


def refuse_without_overlay() -> None:
    """Raise Obstacle where the kernel has no overlay file system."""
    if "overlay" not in _FILESYSTEMS.read_text().split():
        raise Obstacle(
            "the lab needs overlayfs, which this kernel does not have", hint="modprobe overlay"
        )


def _made(
    premises: Premises, daemons: Daemons, systems: trees.Trees, options: Options
) -> tuple[Generations, list[int]]:
    client, old, new = _wired(premises, daemons, systems)
    ca = pebble.prepare(premises, PORTS, options.acme, believed=plan.SERVICE.both)
    dns = resolver.prepare(
        premises,
        PORTS,
        records=records.records(),
        authority=plan.CLIENT.ipv4,
        reverse=records.reverse(),
    )
    inside = [_inside(client, each) for each in (*ca.daemons, dns.nsd, dns.unbound)]
    pids = [daemons.start(each) for each in inside]
    authority = pki.authority()
    _configure(old, new, authority, options)
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(_start, (old, new)))
    sound = [host for host, change in _changes(old, new, options) if change is unchanged]
    client.call(partial(waiting.wait, daemons, ca, inside, sound, options.acme.deadline))
    kept = dns_hook.Records(folder=dns.zone.file.parent, zone=dns.zone, pids=(pids[2], pids[3]))
    kept.save()
    written = scripts.write(premises, client, old, new)
    folder(premises.directory / "state", mode=0o700)
    root = client.call(lambda: pebble.fetched(f"{ca.management}/roots/0", ca_file=ca.ca_file))
    lab = Generations(
        path=premises.directory,
        config=premises.write(
            "certcheck.toml", description.as_toml(new, ca, written[scripts.DNS_HOOK])
        ),
        client=client,
        old=old,
        new=new,
        ca=ca,
        acme_root=premises.write("acme-root.pem", root),
        old_root=premises.write("old-root.pem", authority.root.certificate),
        authority=authority,
        scripts=written,
        records=kept,
        trees=systems,
        numbers=count(plan.FIRST_FURTHER),
    )
    if options.filled:
        mailboxes.fill(lab.door(plan.OLD_ADDRESS.ipv4), old)
    return lab, [client.pid, old.pid, new.pid, *pids]


def _wired(
    premises: Premises, daemons: Daemons, systems: trees.Trees
) -> tuple[Namespace, Host, Host]:
    resolv = premises.write("resolv.conf", "nameserver 127.0.0.1\n")
    client = namespace.start(
        daemons,
        "client",
        "",
        str(resolv),
        kind=namespace.CLIENT,
        run=premises.directory / "run",
        log=premises.logs / "client.log",
    )
    client.ip(
        f"link add {plan.BRIDGE} type bridge",
        f"link set {plan.BRIDGE} up",
        f"addr add {plan.CLIENT.ipv4}/24 dev {plan.BRIDGE}",
        f"addr add {plan.CLIENT.ipv6}/64 dev {plan.BRIDGE} nodad",
    )
    old = _host(daemons, plan.OLD_HOST, plan.OLD_ADDRESS, systems.old, premises.logs / "old.log")
    new = _host(daemons, plan.NEW_HOST, plan.NEW_ADDRESS, systems.new, premises.logs / "new.log")
    old.wire(client, 11)
    new.wire(client, 12)
    old.namespace.ip(
        f"addr add {plan.SERVICE.ipv4}/24 dev {plan.DEVICE}",
        f"addr add {plan.SERVICE.ipv6}/64 dev {plan.DEVICE} nodad",
    )
    return client, old, new


def _host(daemons: Daemons, name: str, address: Address, tree: Path, log: Path) -> Host:
    run = log.parents[1] / "run"
    space = namespace.start(daemons, name, str(tree), kind=namespace.HOST, run=run, log=log)
    return Host(name=name, address=address, namespace=space)


def _configure(old: Host, new: Host, authority: pki.Authority, options: Options) -> None:
    before = authority.issue(pki.Shape(names=BUNDLE, key="rsa2048"))
    legacy = authority.issue(pki.Shape(names=(plan.LEGACY,)))
    fresh = pki.make(pki.Shape(names=(plan.NEW_HOST,), key="rsa2048", ends=3650))
    old.configure(options.change_old(mail.old(before, legacy)))
    new.configure(options.change_new(mail.new(fresh, fresh)))


def _changes(old: Host, new: Host, options: Options) -> tuple[tuple[Host, Change], ...]:
    return ((old, options.change_old), (new, options.change_new))


def _start(host: Host, *, strict: bool = True) -> None:
    for server in SERVERS:
        try:
            host.start((server,))
        except Obstacle:
            if strict:
                raise


def _inside(client: Namespace, daemon: Daemon) -> Daemon:
    enter, *words = client.enter
    return replace(daemon, argv=(program(enter), *words, *daemon.argv))


def _publish_json(premises: Premises, lab: Generations, pids: tuple[int, ...]) -> None:
    text = description.as_json(
        hosts=lab.hosts,
        ca=lab.ca,
        acme_root=lab.acme_root,
        old_root=lab.old_root,
        config=lab.config,
        client=lab.client.pid,
        pids=pids,
        scripts=lab.scripts,
    )
    fresh = premises.write("lab.json.new", text, mode=0o600)
    fresh.replace(premises.directory / "lab.json")
