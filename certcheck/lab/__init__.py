"""Real mail hosts on loopback, for `certcheck demo`, `certcheck lab up` and the live tests."""

from certcheck.lab.description import Lab, MailHost, MailServer
from certcheck.lab.laboratory import publish, serve, up
from certcheck.lab.plan import LabOptions, User

__all__ = ["Lab", "LabOptions", "MailHost", "MailServer", "User", "publish", "serve", "up"]
