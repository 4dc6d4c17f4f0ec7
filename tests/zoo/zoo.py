"""The zoo: every animal, with the outcome and the reason that is right for it."""

from tests.zoo.certificate_animals import CERTIFICATE_ANIMALS
from tests.zoo.imap_animals import IMAP_ANIMALS
from tests.zoo.paces import PACES
from tests.zoo.pop3_sieve_animals import POP3_ANIMALS, SIEVE_ANIMALS
from tests.zoo.reported import REPORTED
from tests.zoo.smtp_animals import SMTP_ANIMALS
from tests.zoo.strangers import GONE, STRANGERS
from tests.zoo.tame import TAME
from tests.zoo.tls_animals import TLS_ANIMALS

ZOO = (
    *TAME,
    *PACES,
    *SMTP_ANIMALS,
    *IMAP_ANIMALS,
    *POP3_ANIMALS,
    *SIEVE_ANIMALS,
    *REPORTED,
    *STRANGERS,
    *GONE,
    *TLS_ANIMALS,
    *CERTIFICATE_ANIMALS,
)
