"""Postfix for the lab: SMTP, submission and submissions, with SASL and delivery by Dovecot."""

import os
import time

from certcheck.lab.daemons import Daemon
from certcheck.lab.pki import Identity
from certcheck.lab.plan import DOMAIN, Ports
from certcheck.lab.ports import LOOPBACK
from certcheck.lab.premises import Premises, folder, program

CONFIG = "postfix"

_MAIN = """\
compatibility_level = 3.6
config_directory = {directory}/postfix
queue_directory = {runtime}/postfix/queue
data_directory = {runtime}/postfix/data
maillog_file = {log}
maillog_file_prefixes = {directory}

inet_interfaces = {listen}
inet_protocols = ipv4
myhostname = smtp.{domain}
mydomain = {domain}
myorigin = {domain}
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:this lab delivers to {domain} only
default_transport = error:this lab delivers to {domain} only
relay_domains =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:OK
virtual_transport = lmtp:unix:{runtime}/dovecot/lmtp
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
biff = no

disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no

smtpd_sasl_type = dovecot
smtpd_sasl_path = {runtime}/dovecot/auth-postfix
smtpd_tls_auth_only = yes
smtpd_tls_security_level = may
smtpd_tls_chain_files = {directory}/postfix/tls/chain.pem
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_exclude_ciphers = aNULL
smtpd_tls_loglevel = 1

# A probe opens hundreds of connections and leaves some of them in mid-handshake.
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
"""

_MASTER = """\
{listen}:{ports.smtp} inet n - n - - smtpd
{listen}:{ports.submission} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
{listen}:{ports.submissions} inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
pickup     unix       n - n 60    1 pickup
cleanup    unix       n - n -     0 cleanup
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
verify     unix       - - n -     1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n -     - proxymap
smtp       unix       - - n -     - smtp
relay      unix       - - n -     - smtp
showq      unix       n - n -     - showq
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
lmtp       unix       - - n -     - lmtp
anvil      unix       - - n -     1 anvil
scache     unix       - - n -     1 scache
postlog    unix-dgram n - n -     1 postlogd
"""

# While main.cf is younger than a second Postfix waits, in case somebody is still writing it.
_AGE = 60


def prepare(premises: Premises, ports: Ports, identity: Identity) -> Daemon:
    """Write Postfix's configuration and certificate, and say how to start it."""
    folder(premises.runtime / "postfix/queue")
    folder(premises.runtime / "postfix/data", mode=0o700, owner="postfix")
    premises.write("postfix/tls/chain.pem", identity.key_first, mode=0o600)
    log = premises.logs / "postfix.log"
    main = _MAIN.format(
        directory=premises.directory,
        runtime=premises.runtime,
        log=log,
        listen=LOOPBACK,
        domain=DOMAIN,
    )
    past = time.time() - _AGE
    for name, text in (
        ("main.cf", main),
        ("master.cf", _MASTER.format(listen=LOOPBACK, ports=ports)),
    ):
        os.utime(premises.write(f"{CONFIG}/{name}", text), (past, past))
    return Daemon(
        name="postfix",
        argv=(program("postfix"), "-c", str(premises.directory / CONFIG), "start-fg"),
        output=premises.logs / "postfix.out",
        # Without a terminal Postfix tells its errors to its log only.
        log=log,
    )
