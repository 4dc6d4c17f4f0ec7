"""sslyze's own command line as the referee: which versions and cipher suites a port accepts."""

import json
import subprocess
import sys
from pathlib import Path

from certcheck.model.endpoint import Endpoint

_VERSIONS = {
    "SSLv2": "ssl_2_0",
    "SSLv3": "ssl_3_0",
    "TLSv1.0": "tls_1_0",
    "TLSv1.1": "tls_1_1",
    "TLSv1.2": "tls_1_2",
    "TLSv1.3": "tls_1_3",
}


def suites(service: Endpoint, address: str, report: Path) -> dict[str, set[str]]:
    """The accepted cipher suites of each accepted version; sslyze writes `report`."""
    starttls = (f"--starttls={service.protocol}",) if service.tls_mode == "starttls" else ()
    subprocess.run(
        [
            Path(sys.executable).with_name("sslyze"),
            f"--json_out={report}",
            *("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"),
            *(f"--sni={service.host.ascii}", *starttls, f"{address}:{service.port}"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    scan = json.loads(report.read_text("utf-8"))["server_scan_results"][0]["scan_result"]
    attempts = {version: scan[f"{name}_cipher_suites"] for version, name in _VERSIONS.items()}
    assert {each["status"] for each in attempts.values()} == {"COMPLETED"}
    accepted = {
        version: {each["cipher_suite"]["name"] for each in done["result"]["accepted_cipher_suites"]}
        for version, done in attempts.items()
    }
    return {version: names for version, names in accepted.items() if names}
