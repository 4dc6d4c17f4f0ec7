"""A certificate's fingerprint in the form in which a mail program shows it."""

from certcheck.model.certificate import Certificate, colons
from certcheck.model.client import Form, Shown
from certcheck.model.prediction import Fingerprint

_GROUP = 4


def fingerprint(leaf: Certificate, shown: Shown) -> Fingerprint:
    """The fingerprint of `leaf` as the program writes it; the text is empty for a hash we lack."""
    digits = {"SHA-256": leaf.sha256, "SHA-1": leaf.sha1}.get(shown.hash, "")
    return Fingerprint(
        certificate=leaf.sha256,
        hash=shown.hash,
        text=_text(digits, shown.form, leaf.key_id) if digits else "",
    )


def _text(digits: str, form: Form, key_id: str) -> str:
    if form == "colons":
        return colons(digits)
    if form == "groups":
        upper = digits.upper()
        return " ".join(upper[at : at + _GROUP] for at in range(0, len(upper), _GROUP))
    return f"{digits}/{key_id}" if form == "plain_with_key" and key_id else digits
