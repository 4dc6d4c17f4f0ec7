"""sslyze at its best with many servers: its API with more scans at a time than its command takes.

`python -m tests.bench.sslyze_many SCANS_AT_A_TIME PORT ADDRESS...` prints each leaf's SHA-256.
"""

import sys
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from sslyze.connection_helpers.opportunistic_tls_helpers import ProtocolWithOpportunisticTlsEnum
from sslyze.plugins.scan_commands import ScanCommand
from sslyze.scanner.models import ServerScanRequest
from sslyze.scanner.scanner import Scanner
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation


def main(at_a_time: int, port: int, addresses: Sequence[str]) -> None:
    """Fetch the certificates of the IMAP servers at these addresses."""
    scanner = Scanner(concurrent_server_scans_limit=at_a_time)
    scanner.queue_scans([_request(address, port) for address in addresses])
    for result in scanner.get_results():
        attempt = result.scan_result.certificate_info if result.scan_result else None
        if attempt and attempt.result:
            for deployment in attempt.result.certificate_deployments:
                leaf = deployment.received_certificate_chain[0]
                digest = leaf.fingerprint(SHA256()).hex()
                sys.stdout.write(f"{result.server_location.ip_address} {digest}\n")


def _request(address: str, port: int) -> ServerScanRequest:
    return ServerScanRequest(
        server_location=ServerNetworkLocation(hostname=address, port=port, ip_address=address),
        network_configuration=ServerNetworkConfiguration(
            tls_server_name_indication=address,
            tls_opportunistic_encryption=ProtocolWithOpportunisticTlsEnum.IMAP,
        ),
        scan_commands={ScanCommand.CERTIFICATE_INFO},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
