"""Serves simulated attendance terminals over TCP and UDP on loopback, any number of them in one thread."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from tests.services.attendance_terminal import CONNECT, ERROR, EVENT, HEADER, OK, Session, SimulatedTerminal

TOP = struct.Struct("<HHI")
MAGIC = (0x5050, 0x7D82)


class AttendanceNetwork:
    """The thread with the event loop that all terminals share."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: list[asyncio.BaseTransport | asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def add(self, terminal: SimulatedTerminal, *, transport: str = "tcp", host: str = "127.0.0.1") -> SimulatedTerminal:
        """Serve a terminal; its address and port are set."""
        asyncio.run_coroutine_threadsafe(self._serve(terminal, transport, host), self._loop).result(10)
        return terminal

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for each in self._open:
            each.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, terminal: SimulatedTerminal, transport: str, host: str) -> None:
        if transport == "udp":
            link, _protocol = await self._loop.create_datagram_endpoint(lambda: _Datagrams(terminal), local_addr=(host, 0))
            self._open.append(link)
            terminal.address, terminal.port = link.get_extra_info("sockname")[:2]
        else:
            listener = _Listener(terminal)
            server = await asyncio.start_server(listener.connected, host, 0, limit=1 << 20)
            self._open.append(server)
            terminal.address, terminal.port = server.sockets[0].getsockname()[:2]


class _Gone(Exception):
    """The connection is over, as the faults wanted it."""


def _due(terminal: SimulatedTerminal, place: int | None, command: int) -> bool:
    if place != command or terminal.faults.times <= 0:
        return False
    terminal.faults.times -= 1
    return True


class _Listener:
    """Accepts connections over TCP, but lets only one of them have a session."""

    def __init__(self, terminal: SimulatedTerminal) -> None:
        self._terminal = terminal
        self._active: Session | None = None

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self._terminal, tcp=True)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while not session.ended:
                first, second, length = TOP.unpack(await reader.readexactly(TOP.size))
                if (first, second) != MAGIC:
                    return
                await self._answer(session, await reader.readexactly(length), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, _Gone):
            pass
        finally:
            if self._active is session:
                self._active = None
            writer.close()

    async def _answer(self, session: Session, packet: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        terminal, faults = self._terminal, self._terminal.faults
        command, _checksum, _session, reply = HEADER.unpack_from(packet)
        data = packet[HEADER.size :]
        terminal.commands.append(command)
        if terminal.on_command:
            terminal.on_command(command)
        if terminal.delay:
            await asyncio.sleep(terminal.delay)
        if _due(terminal, faults.hang_at, command):
            await self._hang(reader, command)
        if _due(terminal, faults.close_at, command):
            raise _Gone
        if _due(terminal, faults.reset_at, command):
            self._reset(writer)
        if _due(terminal, faults.garbage_at, command):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            raise _Gone
        if command == CONNECT:
            if self._active not in (None, session):
                terminal.refused_sessions += 1
                await self._send(writer, [HEADER.pack(ERROR, 0, 0, reply)])
                raise _Gone
            self._active = session
        answers = list(session.answer(command, data))
        if faults.events:
            answers.insert(0, (EVENT, b"\0" * 36))
        packets = [HEADER.pack(code, 0, session.number, reply) + content for code, content in answers]
        left = session.breaks_within(command, data)
        if left is None:
            await self._send(writer, packets)
            return
        whole = b"".join(TOP.pack(*MAGIC, len(each)) + each for each in packets)
        writer.write(whole[: TOP.size + HEADER.size + left])
        await writer.drain()
        match faults.log_ends_by:
            case "reset":
                await asyncio.sleep(0.05)  # a reset discards what the client has not read yet
                self._reset(writer)
            case "hang":
                await self._hang(reader, None)
        raise _Gone

    async def _hang(self, reader: asyncio.StreamReader, command: int | None) -> None:
        """Say nothing until the client gives up, or until hanging at this command has been cleared; then the session is over."""
        while command in (None, self._terminal.faults.hang_at):
            with contextlib.suppress(TimeoutError):
                if not await asyncio.wait_for(reader.read(1 << 16), 0.05):
                    break
        raise _Gone

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        raise _Gone

    async def _send(self, writer: asyncio.StreamWriter, packets: list[bytes]) -> None:
        faults = self._terminal.faults
        stream = b"".join(TOP.pack(*MAGIC, len(packet)) + packet for packet in packets)
        step = 1 if faults.drip is not None else faults.pieces or len(stream)
        for start in range(0, len(stream), step):
            writer.write(stream[start : start + step])
            await writer.drain()
            if step < len(stream):
                await asyncio.sleep(faults.drip or 0)


class _Datagrams(asyncio.DatagramProtocol):
    """Answers datagrams. Whoever connects last has the session, since nothing says that the one before has gone."""

    def __init__(self, terminal: SimulatedTerminal) -> None:
        self._terminal = terminal
        self._sessions: dict[object, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._data_sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, packet: bytes, address: tuple[str, int]) -> None:
        terminal, faults = self._terminal, self._terminal.faults
        command, _checksum, _session, reply = HEADER.unpack_from(packet)
        terminal.commands.append(command)
        if terminal.on_command:
            terminal.on_command(command)
        if terminal.delay:
            await asyncio.sleep(terminal.delay)
        if _due(terminal, faults.hang_at, command):
            return
        if command == CONNECT:
            self._sessions = {address: Session(terminal, tcp=False)}
        session = self._sessions.get(address) or Session(terminal, tcp=False)
        for code, content in session.answer(command, packet[HEADER.size :]):
            if code not in {OK, ERROR} and content:
                self._data_sent += 1
                if self._data_sent == faults.lost_datagram:
                    continue
            for _copy in range(2 if code in faults.twice else 1):
                self._transport.sendto(HEADER.pack(code, 0, session.number, reply) + content, address)


@contextlib.contextmanager
def attendance_network() -> Iterator[AttendanceNetwork]:
    """A network for the terminals of a test."""
    network = AttendanceNetwork()
    try:
        yield network
    finally:
        network.close()


@pytest.fixture(scope="module")
def network() -> Iterator[AttendanceNetwork]:
    """The network for the terminals of a module."""
    with attendance_network() as network:
        yield network
