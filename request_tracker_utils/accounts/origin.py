"""Where a request comes from."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_network

from request_tracker_utils.core.networks import address_of

HOUSEHOLD = 64
"""Network bits of an IPv6 address: a household may use every address within them."""


@dataclass(frozen=True)
class Origin:
    address: str = ""
    agent: str = ""
    browser: str = ""
    """Id of a browser in which this account has signed in before; `password` is the fingerprint of the password used then."""
    password: str = ""

    @property
    def network(self) -> str:
        """What failures are counted by: the known browser, the address, or the /64 network of an IPv6 address."""
        if self.browser:
            return f"browser {self.browser}"[:60]
        address = address_of(self.address)
        if isinstance(address, IPv6Address):
            return str(ip_network((address, HOUSEHOLD), strict=False))
        return self.address[:60] if address is None else str(address)

    def known_for(self, password: str) -> "Origin":
        """The origin without its known browser, unless that browser knew the password with this fingerprint."""
        return self if self.password == password else replace(self, browser="", password="")


NOWHERE = Origin()
"""The origin of commands."""
