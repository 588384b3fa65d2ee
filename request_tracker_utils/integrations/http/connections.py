"""Connections to services that end at a deadline, whatever the other side does, and that lead only to permitted addresses."""

import functools
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import certifi

from request_tracker_utils.core.ip_addresses import IpAddress, address_of
from request_tracker_utils.core.translation import gettext as _

CONNECT_TIMEOUT = 5.0
"""Seconds for each address of a host."""
MAX_ADDRESSES = 4
"""How many addresses of one host are tried, so that a name with many dead addresses does not take minutes."""

Permits = Callable[[IpAddress | None], bool]
"""Whether a connection to this address is permitted."""

_EMBEDDED = tuple(ipaddress.ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""IPv6 networks whose addresses contain an IPv4 address, which a gateway may translate into a private one."""


class ForbiddenAddress(Exception):
    """The host has only addresses to which no connection is permitted."""


def any_address(_address: IpAddress | None) -> bool:
    return True


def public_address(address: IpAddress | None) -> bool:
    """Not this machine, and not a private network: what people enter themselves must not reach the district's own systems."""
    if address is None or not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in _EMBEDDED)


class Deadline:
    """Shuts a connection down when its time is up. A read timeout alone starts again with each byte, and does not cover handshakes."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._ends_at = seconds, time.monotonic() + seconds
        self._timer: threading.Timer | None = None
        self._duplicate: socket.socket | None = None
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._duplicate is not None:
            self._duplicate.close()

    def left(self) -> float:
        return max(self._ends_at - time.monotonic(), 0.001)

    @property
    def is_over(self) -> bool:
        return self._ended or time.monotonic() >= self._ends_at

    def watch(self, connection: socket.socket) -> None:
        """Called once, before TLS: the duplicate is the same connection, and stays valid when TLS replaces the socket."""
        self._duplicate = connection.dup()
        self._timer = threading.Timer(self.left(), self._end, (self._duplicate,))
        self._timer.daemon = True
        self._timer.start()

    def _end(self, duplicate: socket.socket) -> None:
        self._ended = True
        with suppress(OSError):  # the exchange has just ended
            duplicate.shutdown(socket.SHUT_RDWR)


def connect(host: str, port: int, deadline: Deadline, permits: Permits = any_address) -> socket.socket:
    """A watched connection. Raises OSError; ForbiddenAddress without having connected to anything. The addresses that are checked are those
    that are connected to, so a name cannot change its address in between."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"invalid host name: {host!r}") from None
    permitted = [each for each in found if permits(address_of(str(each[4][0]).partition("%")[0]))]
    if not permitted:
        raise ForbiddenAddress(host)
    failure: OSError = TimeoutError("timed out")
    for family, kind, protocol, _name, address in permitted[:MAX_ADDRESSES]:
        if deadline.is_over:
            break
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(min(CONNECT_TIMEOUT, deadline.left()))
            connection.connect(address)
            connection.settimeout(deadline.left())
        except OSError as error:
            connection.close()
            failure = error
            continue
        deadline.watch(connection)
        return connection
    raise failure


def reason_of(error: Exception, deadline: Deadline) -> str:
    """Why a connection failed, on one line and without its address, which may contain secrets."""
    if deadline.is_over:
        return _("no response within %(seconds)s s", seconds=f"{deadline.seconds:g}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("its certificate is not trusted: %(reason)s", reason=error.verify_message)
    text = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    return " ".join(text.split())[:150]


@functools.cache
def trusted_authorities() -> ssl.SSLContext:
    """Verifies certificates and host names. Authorities: certifi's, and those of the operating system or SSL_CERT_FILE, where a district
    installs the one of its content filter or mail server."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
