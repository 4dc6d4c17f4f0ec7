"""The heavy programs, of other TLS libraries and other years: what `make test-clients` runs."""

import functools
from collections.abc import Sequence

from tests.clients.java import JAVA
from tests.clients.programs import PROGRAMS, Program, Visit, by_code
from tests.clients.thunderbird import THUNDERBIRD

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
    program = PROGRAMS / "node_modules" / f"node-{version}" / "bin" / "node"
    return (str(program), "-e", _NODE_SCRIPT, "--", *words)


HEAVY = (
    THUNDERBIRD,
    *JAVA,
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
