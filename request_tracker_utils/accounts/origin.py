"""Where a call comes from."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_network

from request_tracker_utils.core.networks import address_of

HOUSEHOLD = 64
"""Bits of an IPv6 address that belong to a household; it may use every address below."""


@dataclass(frozen=True)
class Origin:
    address: str = ""
    agent: str = ""
    browser: str = ""
    """Number of a browser in which the account that is asked for has signed in before, and `password` with which password."""
    password: str = ""

    @property
    def network(self) -> str:
        """What failures are counted by: the known browser, the address, or the network of an IPv6 address."""
        if self.browser:
            return f"browser {self.browser}"[:60]
        address = address_of(self.address)
        if isinstance(address, IPv6Address):
            return str(ip_network((address, HOUSEHOLD), strict=False))
        return self.address[:60] if address is None else str(address)

    def known_for(self, password: str) -> "Origin":
        """The same, unless the browser knew another password than the one of this fingerprint: then it is like any other."""
        return self if self.password == password else replace(self, browser="", password="")


NOWHERE = Origin()
"""Of commands."""
