"""The same mail service for Dovecot 2.3 and for Dovecot 2.4, each in its own words."""

from certcheck.lab.generations.plan import LEGACY, PORTS, SEPARATOR
from certcheck.lab.plan import HOST

_OLD = f"""\
protocols = imap pop3 lmtp sieve
listen = *, ::
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
hostname = {HOST}

mail_location = maildir:~/Maildir
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 1

disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
auth_master_user_separator = {SEPARATOR}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/users
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home=/var/vmail/%u
}}

ssl = yes
ssl_cert = </etc/tls/fullchain.pem
ssl_key = </etc/tls/privkey.pem
ssl_dh = </usr/share/dovecot/dh.pem
local_name {LEGACY} {{
  ssl_cert = </etc/tls/legacy.fullchain.pem
  ssl_key = </etc/tls/legacy.privkey.pem
}}

protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
}}

"""

_NEW = f"""\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols = imap pop3 lmtp sieve
listen = *, ::
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
hostname = {HOST}

mail_driver = maildir
mail_home = /var/vmail/%{{user}}
mail_path = ~/Maildir
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 1

auth_allow_cleartext = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_master_user_separator = {SEPARATOR}
passdb masters {{
  driver = passwd-file
  passwd_file_path = /etc/dovecot/masters
  default_password_scheme = PLAIN
  master = yes
  result_success = continue
}}
passdb users {{
  driver = passwd-file
  passwd_file_path = /etc/dovecot/users
  default_password_scheme = PLAIN
}}
userdb static {{
  fields {{
    uid = vmail
    gid = vmail
    home = /var/vmail/%{{user}}
  }}
}}

ssl = yes
ssl_server_cert_file = /etc/tls/fullchain.pem
ssl_server_key_file = /etc/tls/privkey.pem
local_name {LEGACY} {{
  ssl_server_cert_file = /etc/tls/legacy.fullchain.pem
  ssl_server_key_file = /etc/tls/legacy.privkey.pem
}}

protocol lmtp {{
  mail_plugins {{
    sieve = yes
  }}
}}
sieve_script personal {{
  driver = file
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}}

"""

_BOTH = f"""\
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}

# Long-lived login processes: a probe opens hundreds of connections.
service imap-login {{
  REUSE
  client_limit = 1000
  inet_listener imap {{
    port = {PORTS.imap}
  }}
  inet_listener imaps {{
    port = {PORTS.imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  REUSE
  client_limit = 1000
  inet_listener pop3 {{
    port = {PORTS.pop3}
  }}
  inet_listener pop3s {{
    port = {PORTS.pop3s}
    ssl = yes
  }}
}}
service managesieve-login {{
  REUSE
  client_limit = 1000
  inet_listener sieve {{
    port = {PORTS.sieve}
  }}
}}
service lmtp {{
  LMTP_USER
  unix_listener /var/spool/postfix/private/dovecot-lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener /var/spool/postfix/private/auth {{
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

OLD = _OLD + _BOTH.replace("LMTP_USER", "user = vmail").replace("REUSE", "service_count = 0")
# As vmail, the lmtp of 2.4 could not reach the socket of anvil.
NEW = _NEW + _BOTH.replace("  LMTP_USER\n", "").replace(
    "REUSE", "restart_request_count = unlimited"
)
