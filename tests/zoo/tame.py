"""Animals that behave well, one of each scheme."""

from tests.zoo.animals import animal
from tests.zoo.manners import implicit, server

TAME = (
    animal("smtp", "smtp", server("smtp")),
    animal("submission", "submission", server("smtp")),
    animal("lmtp", "lmtp", server("lmtp")),
    animal("imap", "imap", server("imap")),
    animal("pop3", "pop3", server("pop3")),
    animal("sieve", "sieve", server("sieve")),
    animal("imaps", "imaps", implicit("imap")),
    animal("pop3s", "pop3s", implicit("pop3")),
    animal("submissions", "submissions", implicit("smtp")),
)
