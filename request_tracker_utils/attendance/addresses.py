"""Which addresses a terminal may have. Checked when they are saved, and again before each connection, since the rules are a setting."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from request_tracker_utils.attendance.errors import InvalidTerminalField
from request_tracker_utils.core.settings import IpAddress
from request_tracker_utils.core.translation import gettext as _

EMBEDDING = (
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("64:ff9b::/96"),
    IPv6Network("2001::/32"),
    IPv6Network("2002::/16"),
)
"""Networks of IPv6 addresses that contain an IPv4 address, which would not be checked."""
THIS_NETWORK, RESERVED = IPv4Network("0.0.0.0/8"), IPv4Network("240.0.0.0/4")


def check_address(text: str, *, allow_loopback: bool) -> str:
    """The address in its usual spelling. Raises InvalidTerminalField. Names are refused: what they lead to could change after the check."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        raise _invalid(_("“%(text)s” is not an IP address. Enter one such as 10.0.0.50.", text=text.strip()[:50])) from None
    if address.is_loopback:
        if allow_loopback:
            return str(address)
        raise _invalid(_("Loopback addresses lead to this server. Enter the terminal’s own address."))
    if not _may_be_a_terminal(address):
        raise _invalid(_("No terminal can have the address %(address)s. Enter its address in the network.", address=str(address)))
    return str(address)


def _may_be_a_terminal(address: IpAddress) -> bool:
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        return False
    if isinstance(address, IPv6Address):
        return address.scope_id is None and not any(address in network for network in EMBEDDING)
    return address not in THIS_NETWORK and address not in RESERVED


def _invalid(message: str) -> InvalidTerminalField:
    return InvalidTerminalField(message, field="ip_address")
