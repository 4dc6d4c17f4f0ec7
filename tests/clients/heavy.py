"""The heavy programs, of other TLS libraries and other years: what `make test-clients` runs."""

import functools
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.clients.programs import Program, Visit, by_code
from tests.clients.thunderbird import THUNDERBIRD

_ROOT = Path(__file__).parent.parent.parent
NODES = _ROOT / ".nodes" / "node_modules"
_ONE_AT_A_TIME = threading.Lock()
# Each version of Node.js with the profile that stands for it.
_NODES = {
    "4": "node-4",
    "6": "node-6",
    "8": "node-8",
    "10": "node-10",
    "12": "node-12",
    "18": "node-18",
    "24": "node-18",
}

_NODE_SCRIPT = """\
var tls = require('tls'), fs = require('fs');
var host = process.argv[1], port = process.argv[2], root = process.argv[3];
function no(e) { console.log('TLS: ' + (e.code || '') + ' ' + e.message); process.exit(2); }
var options = {host: host, port: Number(port), servername: host, ca: [fs.readFileSync(root)]};
var socket = tls.connect(options);
socket.setTimeout(20000, function () { console.log('silence'); process.exit(3); });
socket.on('error', no);
socket.on('data', function (data) {
  if (String(data).indexOf('* OK') === 0) { process.exit(0); }
});
"""


def _node(version: str, visit: Visit) -> Sequence[str]:
    words = (visit.host, str(visit.imaps), str(visit.root))
    return (str(NODES / f"node-{version}" / "bin" / "node"), "-e", _NODE_SCRIPT, "--", *words)


_JAVA_CLASS = """\
import java.io.*;
import java.util.*;
import javax.net.ssl.*;

public class Look {
    public static void main(String[] words) throws Exception {
        SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        SSLSocket socket = (SSLSocket) factory.createSocket(words[0], Integer.parseInt(words[1]));
        socket.setSoTimeout(20000);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        try {
            InputStream in = socket.getInputStream();
            if (in.read() != '*') System.exit(3);
        } catch (SSLException e) {
            System.out.println(e);
            System.exit(2);
        }
        System.exit(0);
    }
}
"""


def _compiled(root: Path) -> Path:
    # Once for a site: the class, and a store that trusts its root.
    place = root.parent / "java"
    with _ONE_AT_A_TIME:
        if not place.exists():
            _compile(place, root)
    return place


def _compile(place: Path, root: Path) -> None:
    place.mkdir()
    (place / "Look.java").write_text(_JAVA_CLASS)
    store = ("-keystore", str(place / "roots.p12"), "-storepass", "changeit")
    for argv in (
        ("javac", "-d", str(place), str(place / "Look.java")),
        ("keytool", "-importcert", "-noprompt", "-alias", "lab", "-file", str(root), *store),
    ):
        subprocess.run(argv, check=True, capture_output=True, timeout=60)


def _java(visit: Visit) -> Sequence[str]:
    place = _compiled(visit.root)
    return (
        *(
            "/usr/lib/jvm/default-java/bin/java",
            "-Xshare:auto",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            str(place),
        ),
        f"-Djavax.net.ssl.trustStore={place / 'roots.p12'}",
        "-Djavax.net.ssl.trustStorePassword=changeit",
        *("Look", visit.host, str(visit.imaps)),
    )


HEAVY = (
    THUNDERBIRD,
    Program(
        client="java-mail-17",
        name="Java 17's sockets, IMAPS",
        server="dovecot",
        argv=_java,
        read=by_code(0, 2, saying="SSL"),
    ),
    *(
        Program(
            client=client,
            name=f"Node.js {version}, IMAPS",
            server="dovecot",
            argv=functools.partial(_node, version),
            read=by_code(0, 2, saying="TLS"),
        )
        for version, client in _NODES.items()
    ),
)
