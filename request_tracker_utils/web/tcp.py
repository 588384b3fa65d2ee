"""The TCP connections that this process serves, as the Linux kernel describes them."""

import os
import socket
import stat
import struct
from dataclasses import dataclass

from request_tracker_utils.core.ip_addresses import IpAddress, address_of

DESCRIPTORS = "/proc/self/fd"
TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
INFO = struct.Struct("=24xI16xI4xI64xQQ8xI")
"""From `struct tcp_info`: segments under way, milliseconds since data were sent and received, bytes confirmed, received, not sent."""
WITHOUT_DELAY = struct.pack("ii", 1, 0)
"""SO_LINGER: closing drops what is not sent yet."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection at one moment."""

    key: int
    """The inode of its socket."""
    address: IpAddress
    received: int = 0
    """Bytes from the client since it connected."""
    confirmed: int = 0
    """Bytes that the client's system has confirmed."""
    unread: bool = False
    """Whether there are data for the client that its system has not confirmed."""
    since_received: float = 0.0
    """Seconds since the last data from the client, or since it connected."""
    since_sent: float = 0.0
    """Seconds since the last data to the client, or since it connected."""

    @property
    def answered(self) -> bool:
        return self.confirmed > 0 or self.unread


class ServedConnections:
    """Lists and closes the connections to a port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._served: dict[int, tuple[int, IpAddress]] = {}
        """Descriptor and address by key."""
        self._others: set[int] = set()
        """Keys of sockets that are no such connections."""

    @staticmethod
    def available() -> bool:
        """Whether the system has what this needs. Linux has it since 4.6."""
        if TCP_INFO is None or not os.path.isdir(DESCRIPTORS):
            return False
        with socket.socket() as probe:
            return len(probe.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 512)) >= INFO.size

    def read(self) -> list[Connection]:
        """Each at this moment. The server may close one meanwhile and use its descriptor for another: then the row mixes both, which does
        no harm, because the key is that of the closed one.
        """
        served: dict[int, tuple[int, IpAddress]] = {}
        others: set[int] = set()
        connections = []
        for number in map(int, os.listdir(DESCRIPTORS)):
            key = _key(number)
            if key is None:
                continue
            if key in self._others:
                others.add(key)
                continue
            opened = _opened(number)
            if opened is None:
                continue
            try:
                address = self._served[key][1] if key in self._served else _client(opened, self._port)
                if address is None:
                    others.add(key)
                    continue
                served[key] = number, address
                connections.append(_described(opened, key, address))
            except OSError:
                continue  # disconnected
            finally:
                opened.detach()
        self._served, self._others = served, others
        return connections

    def close(self, key: int) -> None:
        """Ends a connection of the last `read`. Threads that read from it or write to it continue at once."""
        number, _address = self._served[key]
        try:
            duplicate = os.dup(number)  # stays the same socket, whatever the server does with its own descriptor
        except OSError:
            return
        try:
            opened = _opened(duplicate) if _key(duplicate) == key else None
            if opened is not None:
                try:
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, WITHOUT_DELAY)
                    opened.shutdown(socket.SHUT_RDWR)
                finally:
                    opened.detach()
        except OSError:
            return  # disconnected
        finally:
            os.close(duplicate)


def _key(number: int) -> int | None:
    """The inode of a socket; None for other files."""
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_ino if stat.S_ISSOCK(status.st_mode) else None


def _opened(number: int) -> socket.socket | None:
    """The socket, to be detached after use: closing it would close the server's descriptor."""
    try:
        return socket.socket(fileno=number)
    except OSError:
        return None


def _client(opened: socket.socket, port: int) -> IpAddress | None:
    """Who connected to our port; None for other sockets: those that listen, and connections to databases. Raises OSError."""
    if opened.family not in (socket.AF_INET, socket.AF_INET6) or opened.type != socket.SOCK_STREAM or opened.getsockname()[1] != port:
        return None
    try:
        return address_of(str(opened.getpeername()[0]))
    except OSError:
        return None


def _described(opened: socket.socket, key: int, address: IpAddress) -> Connection:
    """Raises OSError."""
    assert TCP_INFO is not None, "see `available`"
    info = opened.getsockopt(socket.IPPROTO_TCP, TCP_INFO, INFO.size)
    under_way, sent_ago, received_ago, confirmed, received, not_sent = INFO.unpack(info)
    return Connection(key, address, received, confirmed, under_way + not_sent > 0, received_ago / 1000, sent_ago / 1000)
