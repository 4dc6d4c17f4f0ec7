"""Moves the service address from one host to another, and tells everybody on the network.

A script of its own, with nothing but the standard library:
`python -I -S switch.py FROM_PID TO_PID DEVICE IPV4 IPV6`. It may be run again.
"""

import ctypes
import os
import socket
import struct
import subprocess
import sys

_NEWNET = 0x40000000  # setns(2)
_ETH_ARP, _ETH_IP = 0x0806, 0x0800
_EVERYBODY = b"\xff" * 6
_ALL_NODES = "ff02::1"
_ADVERTISEMENT, _OVERRIDE = 136, 0x20000000  # RFC 4861 4.4
_HOPS = 255  # RFC 4861 7.1.2: any other is not heard


def addresses(pid: int, word: str, device: str, ipv4: str, ipv6: str) -> None:
    """Add (`add`) or take away (`del`) both; -force: also where one of them was there before."""
    nodad = " nodad" if word == "add" else ""
    lines = f"addr {word} {ipv4}/24 dev {device}\naddr {word} {ipv6}/64 dev {device}{nodad}\n"
    subprocess.run(
        ["nsenter", "-t", str(pid), "-n", "--", "ip", "-force", "-batch", "-"],
        input=lines,
        text=True,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=10,
    )


def enter(pid: int) -> None:
    """Go on in the network of that process."""
    with open(f"/proc/{pid}/ns/net") as place:  # noqa: PTH123 - a script, and it starts faster so
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), _NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network of {pid}")


def announce(device: str, ipv4: str, ipv6: str) -> None:
    """Gratuitous ARP (RFC 5227 3), and an unsolicited neighbour advertisement (RFC 4861 7.2.6).

    Without them a neighbour goes on for most of a minute to send to the host that had the address.
    """
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ARP)) as raw:
        raw.bind((device, 0))
        own: bytes = raw.getsockname()[4]
        address = socket.inet_aton(ipv4)
        for operation, target in ((1, bytes(6)), (2, _EVERYBODY)):
            head = struct.pack("!HHBBH", 1, _ETH_IP, 6, 4, operation)
            frame = _EVERYBODY + own + struct.pack("!H", _ETH_ARP)
            raw.send(frame + head + own + address + target + address)
    number = socket.if_nametoindex(device)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)
        raw.bind((ipv6, 0))
        head = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE)
        body = socket.inet_pton(socket.AF_INET6, ipv6) + b"\x02\x01" + own
        raw.sendto(head + body, (_ALL_NODES, 0, 0, number))


def main(origin: str, target: str, device: str, ipv4: str, ipv6: str) -> None:
    """Take the address away, add it, announce it: in this order, so that nobody has it twice."""
    for pid in (origin, target):
        os.stat(f"/proc/{pid}/ns/net")  # noqa: PTH116 - as in `enter`
    addresses(int(origin), "del", device, ipv4, ipv6)
    addresses(int(target), "add", device, ipv4, ipv6)
    enter(int(target))
    announce(device, ipv4, ipv6)


if __name__ == "__main__":
    main(*sys.argv[1:])
