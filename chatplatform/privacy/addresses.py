"""Which network addresses an outbound request may reach."""

from __future__ import annotations

import ipaddress
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud machines find their own credentials here; every other such address is link-local or private already.
_METADATA: Final = frozenset({ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("fd00:ec2::254")})
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Set aside by IANA for protocols, tunnels and documents; not every Python that we run on knows them all.
_SET_ASIDE_V4: Final = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))
_SET_ASIDE_V6: Final = tuple(
    map(
        ipaddress.IPv6Network,
        ("64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
_PRIVATE_V4: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE_V6: Final = ipaddress.IPv6Network("fc00::/7")


def is_reachable(address: IPAddress, *, allow_private: bool) -> bool:
    """Whether a request may go to `address`: public ones, and with `allow_private` loopback and private networks.

    Link-local, metadata, multicast, unspecified, reserved and tunnel addresses never may. An IPv6 address that
    stands for an IPv4 one (mapped, compatible, NAT64) is judged as that.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        inner = _embedded(address)
        if inner is not None:
            return is_reachable(inner, allow_private=allow_private)
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if allow_private and (address.is_loopback or _is_private_network(address)):
        return True
    return address.is_global and not address.is_reserved and not _is_set_aside(address)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    is_compatible = not any(address.packed[:12]) and int(address) > 1
    if address in _NAT64 or is_compatible:
        return ipaddress.IPv4Address(address.packed[12:])
    return None


def _is_private_network(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _PRIVATE_V4)
    return address in _PRIVATE_V6


def _is_set_aside(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _SET_ASIDE_V4)
    return any(address in network for network in _SET_ASIDE_V6)
