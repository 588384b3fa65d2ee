"""IP addresses and networks of callers."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def address_of(text: str) -> Address | None:
    """Parses an address. IPv4-mapped IPv6 (`::ffff:10.0.0.5`) becomes IPv4. None if it is not an address, such as a Unix socket."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
