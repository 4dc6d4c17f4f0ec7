"""Two generations of one mail host, Debian 11 and Debian 13, in a network of their own."""

from certcheck.lab.generations.host import Host
from certcheck.lab.generations.mail import Change, File, Mail
from certcheck.lab.generations.namespace import Completed, Namespace
from certcheck.lab.generations.world import Generations, Options, serve, up

__all__ = [
    "Change",
    "Completed",
    "File",
    "Generations",
    "Host",
    "Mail",
    "Namespace",
    "Options",
    "serve",
    "up",
]
