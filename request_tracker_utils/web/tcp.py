"""The TCP connections that this process serves, as the Linux kernel describes them."""

import fcntl
import os
import socket
import stat
import struct
import termios
from dataclasses import dataclass

from request_tracker_utils.core.settings import IpAddress, address_of

DESCRIPTORS = "/proc/self/fd"
TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
INFO = struct.Struct("=44xI4xI64xQQ")
"""The start of `struct tcp_info`: milliseconds since data were sent and received, bytes confirmed and received."""
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
    queued: int = 0
    """Bytes for the client that its system has not confirmed."""
    since_received: float = 0.0
    """Seconds since the last data from the client, or since it connected."""
    since_sent: float = 0.0
    """Seconds since the last data to the client, or since it connected."""

    @property
    def answered(self) -> bool:
        return self.confirmed + self.queued > 0


class ServedConnections:
    """Lists and closes the connections to a port.

    A descriptor is duplicated before it is used: meanwhile, the server may close it, and its number may be used for something else.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._served: dict[int, tuple[int, IpAddress]] = {}
        """Descriptor and address by key."""
        self._others: set[int] = set()
        """Keys of sockets that are no such connections: their descriptors are not looked at again."""

    @staticmethod
    def available() -> bool:
        """Whether the system has what this needs. Linux has it since 4.1."""
        if TCP_INFO is None or not os.path.isdir(DESCRIPTORS):
            return False
        with socket.socket() as probe:
            return len(probe.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 512)) >= INFO.size

    def read(self) -> list[Connection]:
        served: dict[int, tuple[int, IpAddress]] = {}
        others: set[int] = set()
        connections = []
        for number in map(int, os.listdir(DESCRIPTORS)):
            duplicate = _duplicate(number)
            if duplicate is None:
                continue
            with duplicate:
                key = _key(duplicate)
                address = None if key in self._others else self._served[key][1] if key in self._served else self._client(duplicate)
                if address is None:
                    others.add(key)
                    continue
                served[key] = number, address
                if connection := _described(duplicate, key, address):
                    connections.append(connection)
        self._served, self._others = served, others
        return connections

    def close(self, key: int) -> None:
        """Ends a connection of the last `read`. Threads that read from it or write to it continue at once."""
        duplicate = _duplicate(self._served[key][0])
        if duplicate is None:
            return
        with duplicate:
            if _key(duplicate) == key:
                try:
                    duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, WITHOUT_DELAY)
                    duplicate.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return  # the client has disconnected

    def _client(self, connection: socket.socket) -> IpAddress | None:
        """Who connected to our port; None for other sockets: those that listen, and connections to databases."""
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
            return None
        try:
            if connection.getsockname()[1] != self._port:
                return None
            return address_of(str(connection.getpeername()[0]))
        except OSError:
            return None


def _duplicate(number: int) -> socket.socket | None:
    """None if it is not a socket, or closed."""
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return None
        duplicate = os.dup(number)
    except OSError:
        return None
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        return None


def _key(connection: socket.socket) -> int:
    return os.fstat(connection.fileno()).st_ino


def _described(connection: socket.socket, key: int, address: IpAddress) -> Connection | None:
    """None if the client has disconnected."""
    assert TCP_INFO is not None, "see `available`"
    try:
        sent_ago, received_ago, confirmed, received = INFO.unpack_from(connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, INFO.size))
        (queued,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return None
    return Connection(key, address, received, confirmed, queued, received_ago / 1000, sent_ago / 1000)
