"""Dovecot 2.3 for the lab: IMAP, POP3, ManageSieve, LMTP, and the SASL socket for Postfix."""

from certcheck.lab.daemons import Daemon
from certcheck.lab.pki import Identity
from certcheck.lab.plan import HOST, USERS, Ports
from certcheck.lab.ports import LOOPBACK
from certcheck.lab.premises import Premises, folder, program

CONFIG = "dovecot/dovecot.conf"
_MAIL_USER = "nobody"

_TEMPLATE = """\
protocols = imap pop3 lmtp sieve
listen = {listen}
instance_name = certcheck-lab
base_dir = {runtime}/dovecot
state_dir = {directory}/dovecot/state
log_path = {log}
hostname = {host}

ssl = yes
ssl_cert = <{directory}/dovecot/tls/fullchain.pem
ssl_key = <{directory}/dovecot/tls/privkey.pem
ssl_min_protocol = TLSv1.2

mail_location = maildir:~/Maildir
mail_uid = {mail_user}
mail_gid = nogroup
first_valid_uid = 1
namespace inbox {{
  inbox = yes
}}

disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/dovecot/users
}}
userdb {{
  driver = static
  args = uid={mail_user} gid=nogroup home={runtime}/mail/%u
}}

protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
}}

# Long-lived login processes: a probe opens hundreds of connections.
service imap-login {{
  service_count = 0
  client_limit = 1000
  process_min_avail = 2
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = {ports.imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  service_count = 0
  client_limit = 1000
  process_min_avail = 1
  inet_listener pop3 {{
    port = {ports.pop3}
  }}
  inet_listener pop3s {{
    port = {ports.pop3s}
    ssl = yes
  }}
}}
service managesieve-login {{
  service_count = 0
  client_limit = 1000
  process_min_avail = 1
  inet_listener sieve {{
    port = {ports.sieve}
  }}
}}
service lmtp {{
  user = {mail_user}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service auth {{
  # The users' file is root's alone, and its directory may be closed to others.
  user = root
  unix_listener auth-postfix {{
    mode = 0666
  }}
}}
service anvil {{
  # Tests with wrong passwords shall not slow down the next login.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def prepare(premises: Premises, ports: Ports, identity: Identity) -> Daemon:
    """Write Dovecot's configuration, users and certificate, and say how to start it."""
    folder(premises.runtime / "mail", mode=0o700, owner=_MAIL_USER)
    folder(premises.runtime / "dovecot")
    premises.write("dovecot/tls/fullchain.pem", identity.chain)
    premises.write("dovecot/tls/privkey.pem", identity.key, mode=0o600)
    users = "".join(f"{user.login}:{{PLAIN}}{user.password}\n" for user in USERS)
    premises.write("dovecot/users", users, mode=0o600)
    log = premises.logs / "dovecot.log"
    config = premises.write(
        CONFIG,
        _TEMPLATE.format(
            listen=LOOPBACK,
            runtime=premises.runtime,
            directory=premises.directory,
            log=log,
            host=HOST,
            mail_user=_MAIL_USER,
            ports=ports,
        ),
    )
    return Daemon(
        name="dovecot",
        argv=(program("dovecot"), "-F", "-c", str(config)),
        output=premises.logs / "dovecot.out",
        log=log,
    )
