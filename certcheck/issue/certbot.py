"""certbot as the one who orders: a process of its own, whose lineage stays its own."""

import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from certcheck.errors import CaError, InputError, Obstacle
from certcheck.host.door import Completed, Host
from certcheck.issue.answer import one_line
from certcheck.issue.authority import Authority, checked
from certcheck.model.endpoint import Hostname

_DEADLINE = 900.0  # seconds: a dns plugin may wait for minutes until its records have spread
_GRACE = 15.0  # seconds: at SIGTERM certbot takes its challenges down
_LONGEST = 2000
_MAX_LINES = 12  # of certbot's words: what an authority says of four names

_KEYS: Mapping[str, tuple[str, ...]] = {
    "ecdsa": ("--key-type", "ecdsa", "--elliptic-curve", "secp256r1"),
    "rsa2048": ("--key-type", "rsa", "--rsa-key-size", "2048"),
    "rsa3072": ("--key-type", "rsa", "--rsa-key-size", "3072"),
    "rsa4096": ("--key-type", "rsa", "--rsa-key-size", "4096"),
}
_OURS = {
    **dict.fromkeys(("-d", "--domains", "--ip-address", "--csr"), "the names of the bundle"),
    **dict.fromkeys(("--server", "--test-cert", "--staging"), "[acme] directory"),
    "--cert-name": "the name of the bundle",
    "--dry-run": "certcheck issue --dry-run",
}
_AUTHENTICATORS = (
    *("-a", "--authenticator", "--configurator"),
    *("--standalone", "--webroot", "--manual", "--apache", "--nginx"),
)
_SHORTEST = len("--dom")  # of what argparse takes for a longer option's name

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LIVE = re.compile(r"^ *Certificate Path: (/.+)/fullchain\.pem$", re.MULTILINE)
_LOG = re.compile(r"Saving debug log to (.+)|See the logfile (.+) or re-run")
_BUSY = "Another instance of Certbot is already running"
_MISUSED = "certbot: error: "
_NOISE = re.compile(
    r"Saving debug log|Ask for help|Some challenges have failed|An unexpected error occurred"
    r"|Requesting a certificate|Renewing an existing|Account registered|Hint:|[- ]*$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certbot:
    """certbot on this host, and the arguments that the admin gives it.

    Where they name no authenticator, challenges are answered from `webroot`, or on `http_port`.
    `deadline` is in seconds, for one call.
    """

    host: Host
    arguments: tuple[str, ...] = ()
    webroot: Path | None = None
    http_port: int = 80
    deadline: float = _DEADLINE
    kind: str = "certbot"

    @property
    def authenticates(self) -> bool:
        """Whether the arguments choose how the names are proved."""
        named = any(_names_option(a, each) for a in self.arguments for each in _AUTHENTICATORS)
        return named or any(a.startswith("--dns-") for a in self.arguments)


def usable(certbot: Certbot, *, names: Sequence[Hostname], key: str) -> Certbot:
    """The same certbot, when it can be told all that is wanted; raises InputError."""
    for argument in certbot.arguments:
        for option, where in _OURS.items():
            if _names_option(argument, option):
                raise InputError(f"certbot_args: {option} is not given there", hint=f"see {where}")
    _refuse_unproved(certbot, names)
    if key not in _KEYS:
        known = ", ".join(_KEYS)
        raise InputError(
            f"one lineage of certbot's has one key, not {key!r}",
            hint=f"choose {known}, or make two bundles",
        )
    return certbot


def _refuse_unproved(certbot: Certbot, names: Sequence[Hostname]) -> None:
    if certbot.authenticates:
        if certbot.webroot:
            raise InputError("webroot and certbot_args both choose a proof", hint="choose one")
        return
    if certbot.webroot and not certbot.webroot.is_dir():
        raise InputError(f"webroot {certbot.webroot} is no directory", hint="name an existing one")
    for name in names:
        if name.ascii.startswith("*."):  # RFC 8555 7.1.3: in DNS only
            raise InputError(
                f"{name.ascii} cannot be proved by http-01",
                hint="let certbot_args name a dns plugin, or name each host instead",
            )


def ordered(  # noqa: PLR0913 - an order has that many sides; each is named at the call
    certbot: Certbot,
    *,
    lineage: str,
    names: Sequence[Hostname],
    key: str,
    authority: Authority,
    progress: Callable[[str], None],
) -> Path:
    """The directory with the lineage's current files, after certbot has ordered what is due.

    certbot keeps what is not due, so that a second call costs nothing at the authority. Raises
    InputError for an unusable authority, CaError with certbot's own words, and Obstacle when it is
    not there, does not end, or another certbot is running.
    """
    progress(f"certbot takes care of its lineage {lineage}, at {checked(authority).directory}")
    argv = (
        *("certonly", "--non-interactive", "--agree-tos", "--cert-name", lineage),
        # Names that differ from the lineage's are a wish; without this certbot would ask.
        *("--keep-until-expiring", "--renew-with-new-domains"),
        *_KEYS[key],
        *(word for name in names for word in _identifier(name)),
        *_authority(authority),
        *_authenticator(certbot),
    )
    _said(certbot, lineage, argv, authority)
    shown = _said(certbot, lineage, ("certificates", "--cert-name", lineage), authority)
    found = _LIVE.search(shown)
    if found is None:
        raise Obstacle(
            f"certbot shows no lineage {lineage}", hint="look at what `certbot certificates` says"
        )
    return Path(found[1])


def _identifier(name: Hostname) -> tuple[str, str]:
    return ("--ip-address" if name.is_ip else "-d", name.ascii)


def _authority(authority: Authority) -> tuple[str, ...]:
    mail, chain = authority.email, authority.preferred_chain
    return (
        *("--server", authority.directory),
        *(("--email", mail) if mail else ("--register-unsafely-without-email",)),
        *(("--preferred-chain", chain) if chain else ()),
        # The key of the binding comes on stdin: everybody can read the arguments of a process.
        *(("--eab-kid", authority.eab_kid, "-c", "/dev/stdin") if authority.eab_kid else ()),
    )


def _authenticator(certbot: Certbot) -> tuple[str, ...]:
    if certbot.authenticates:
        return ()
    if certbot.webroot:
        return ("--webroot", "-w", str(certbot.webroot))
    return ("--standalone", "--http-01-port", str(certbot.http_port))


def _said(certbot: Certbot, lineage: str, argv: Sequence[str], authority: Authority) -> str:
    secret = f"eab-hmac-key = {authority.eab_key}\n" if authority.eab_key else ""
    done = certbot.host.run(
        (*_trusting(authority.ca_file), _program(), *argv, *certbot.arguments),
        stdin=secret.encode(),
        timeout=certbot.deadline,
        grace=_GRACE,
    )
    if done.code != 0:
        raise _failure(done, lineage)
    return done.stdout


def _trusting(ca_file: Path | None) -> tuple[str, ...]:
    return ("env", f"REQUESTS_CA_BUNDLE={ca_file}") if ca_file else ()


def _program() -> str:
    # The admin's own, if there is one: it knows his plugins and his lineages.
    found = shutil.which("certbot") or shutil.which(Path(sys.executable).with_name("certbot"))
    if found is None:
        raise Obstacle("certbot is not installed here", hint="install it, or use --via acme")
    return str(found)


def _failure(done: Completed, lineage: str) -> Obstacle:
    text = _COLOUR.sub("", f"{done.stdout}\n{done.stderr}")
    if _BUSY in text:
        return Obstacle(
            "another certbot is running and holds the lineages",
            hint="run again when it has ended",
        )
    log = _LOG.search(text)
    return CaError(
        f"certbot fails at {lineage}: {one_line(_words(text, done.code), longest=_LONGEST)}",
        hint=f"its log is {one_line(log[1] or log[2])}" if log else "run it by hand to see why",
    )


def _words(text: str, code: int) -> str:
    lines = [line.strip() for line in text.splitlines()]
    misused = [line.removeprefix(_MISUSED) for line in lines if line.startswith(_MISUSED)]
    said = misused or [line for line in lines if not _NOISE.match(line)]
    return " / ".join(said[-_MAX_LINES:]) or f"exit code {code}, and no word why"


def _names_option(argument: str, option: str) -> bool:
    """Whether certbot takes `argument` for that option: `--opt`, `--opt=x`, `--op`, `-ox`."""
    if not option.startswith("--"):
        return argument.startswith(option)
    given = argument.partition("=")[0]
    return given == option or (len(given) >= _SHORTEST and option.startswith(given))
