"""IP addresses as texts spell them."""

import ipaddress


def addresses_of(text: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address that ``text`` spells, and the IPv4 address that it maps, if any."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return []
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return [address, mapped] if mapped else [address]
