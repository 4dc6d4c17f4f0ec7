"""The same mail service for Postfix 3.5 and for Postfix 3.10, which read the same files."""

from certcheck.lab.plan import DOMAIN, HOST

SNI_TABLE = "hash:/etc/postfix/sni"

_MAIN = f"""\
compatibility_level = LEVEL
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/mail.log

inet_interfaces = all
inet_protocols = all
myhostname = {HOST}
mydomain = {DOMAIN}
myorigin = {DOMAIN}
mydestination =
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:this lab delivers to {DOMAIN} only
default_transport = error:this lab delivers to {DOMAIN} only
relay_domains =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = static:OK
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
biff = no

disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no

smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = /etc/tls/key+chain.pem
tls_server_sni_maps = {SNI_TABLE}
smtpd_tls_loglevel = 1

# A probe opens hundreds of connections and leaves some of them in mid-handshake.
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
"""

MASTER = """\
smtp       inet n - n - - smtpd
submission inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
465        inet n - n - - smtpd
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

OLD_MAIN = _MAIN.replace("LEVEL", "2")
NEW_MAIN = _MAIN.replace("LEVEL", "3.9")
