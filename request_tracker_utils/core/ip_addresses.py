"""IP addresses: parsing them, what requests are counted by, and IPv4 within IPv6."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

EMBEDDING = (
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("2001::/32"),
    IPv6Network("2002::/16"),
)
"""Networks of IPv6 addresses that contain an IPv4 address."""


def address_of(text: str) -> IpAddress | None:
    """Parses an address. IPv4-mapped IPv6 (`::ffff:10.0.0.5`) becomes IPv4. None if it is not an address, such as a Unix socket."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def household(address: IpAddress) -> IpAddress | IPv6Network:
    """What requests are counted by: the address, or the /64 network of an IPv6 address, since a household may use every address in it."""
    return IPv6Network((address, 64), strict=False) if isinstance(address, IPv6Address) else address


def contains_ipv4(address: IPv6Address) -> bool:
    """Whether the address means an IPv4 address, to which other rules may apply."""
    return any(address in network for network in EMBEDDING)
