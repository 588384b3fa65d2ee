"""Where a call comes from."""

import ipaddress
from dataclasses import dataclass

HOUSEHOLD = 64
"""Bits of an IPv6 address that belong to a household; it may use every address below."""


@dataclass(frozen=True)
class Origin:
    address: str = ""
    agent: str = ""
    browser: str = ""
    """Number of a browser in which the account that is asked for has signed in before."""

    @property
    def network(self) -> str:
        """What failures are counted by: the known browser, the address, or the network of an IPv6 address."""
        if self.browser:
            return f"browser {self.browser}"[:60]
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address[:60]
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return str(address.ipv4_mapped)
            return str(ipaddress.ip_network((address, HOUSEHOLD), strict=False))
        return str(address)


NOWHERE = Origin()
"""Of commands."""
