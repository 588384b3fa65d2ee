"""Which addresses a terminal may have. Checked when they are saved, and again before each connection, since the rules are a setting."""

from ipaddress import IPv4Network, IPv6Address, ip_address

from request_tracker_utils.attendance.errors import InvalidTerminalField
from request_tracker_utils.core.ip_addresses import IpAddress, contains_ipv4
from request_tracker_utils.core.translation import gettext as _

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
        return address.scope_id is None and not contains_ipv4(address)
    return address not in THIS_NETWORK and address not in RESERVED


def _invalid(message: str) -> InvalidTerminalField:
    return InvalidTerminalField(message, field="ip_address")
