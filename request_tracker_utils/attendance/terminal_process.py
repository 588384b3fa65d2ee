"""Talks to terminals through pyzk, in processes of its own. Imports only the standard library and `zk`.

Started as a program, it waits for sockets on its standard input and forks a child for each. The child reads a job as one line of JSON, and
answers with one line of JSON and the raw bytes. Nothing is decoded here.
"""

import gc
import json
import os
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from zk import ZK, const
from zk.exception import ZKErrorResponse

PREPARE_BUFFER, READ_BUFFER = 1503, 1504  # commands that pyzk has no names for
TOP = struct.Struct("<HHI")
HEADER = struct.Struct("<4H")
LARGEST_PACKET, LARGEST_DATAGRAM = 1 << 20, 1 << 16
LARGEST_TABLE = 1 << 28
Buffer = bytes | bytearray | memoryview
CHUNK = {True: 0xFFC0, False: 16 * 1024}  # what pyzk asks for over TCP and UDP
ENABLE_SECONDS = 2.0
DOWNLOADS = 2  # a log that changed while it was read, or lost its tail, is read once more


class Failed(Exception):
    """The job failed; `code` is the name of the error."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Terminal(ZK):  # type: ignore[misc]  # pyzk has no type hints
    """pyzk's client with its socket, sending and reading replaced, so that every cut, timeout and deadline is noticed."""

    def __init__(self, job: dict[str, Any], *, deadline: float, timeout: float) -> None:
        self._ZK__sock: socket.socket
        super().__init__(job["address"], job["port"], timeout=timeout, password=job["comm_key"], force_udp=job["udp"], ommit_ping=True)
        self._ZK__sock.close()
        # pyzk would connect once more to try TCP, and use UDP if that fails.
        self.helper.test_tcp = lambda: 0
        self._target, self._deadline, self._timeout = (job["address"], job["port"]), deadline, timeout
        self.broken = False
        self._asked: deque[int] = deque(maxlen=5)  # numbers of the last commands, which their answers repeat

    def close(self) -> None:
        """Close the connection without ending the session."""
        self._ZK__sock.close()

    def _ZK__create_socket(self) -> None:
        kind = socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM
        self._ZK__sock = sock = socket.socket(socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET, kind)
        try:
            sock.settimeout(self._time_left())
            sock.connect(self._target)
            if self.tcp:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            self.broken = True
            raise Failed("unreachable", str(error)) from error

    def _ZK__send_command(self, command: int, command_string: bytes = b"", response_size: int = 8) -> dict[str, Any]:
        packet = self._ZK__create_header(command, command_string, self._ZK__session_id, self._ZK__reply_id)
        self._asked.append(HEADER.unpack_from(packet)[3])
        if self.tcp:
            packet = TOP.pack(const.MACHINE_PREPARE_DATA_1, const.MACHINE_PREPARE_DATA_2, len(packet)) + packet
        self._guarded(lambda sock: sock.sendall(packet))
        self._receive()
        return {"status": self._ZK__response in {const.CMD_ACK_OK, const.CMD_PREPARE_DATA, const.CMD_DATA}, "code": self._ZK__response}

    def _receive(self) -> None:
        """Read the next packet whole, however it was split or joined on its way."""
        while True:
            packet = self._next_packet() if self.tcp else self._guarded(lambda sock: sock.recv(LARGEST_DATAGRAM))
            if len(packet) < HEADER.size:
                continue  # a datagram that is too short
            if not self.tcp and self._is_late(HEADER.unpack_from(packet)[3]):
                continue
            self._ZK__header = HEADER.unpack_from(packet)
            self._ZK__response, _checksum, _session, reply = self._ZK__header
            if self._ZK__response != const.CMD_REG_EVENT:
                # A view, since most packets are large parts of a log.
                self._ZK__reply_id, self._ZK__data = reply, memoryview(packet)[HEADER.size :]
                return

    def _is_late(self, number: int) -> bool:
        """Whether a datagram belongs to an earlier command: it came twice, or was slow."""
        return number != self._asked[-1] and number in self._asked

    def _next_packet(self) -> bytearray:
        first, second, length = TOP.unpack(self._exactly(TOP.size))
        valid = (first, second) == (const.MACHINE_PREPARE_DATA_1, const.MACHINE_PREPARE_DATA_2)
        if not valid or not HEADER.size <= length <= LARGEST_PACKET:
            self.broken = True
            raise Failed("invalid_answer", "not a packet of a terminal")
        return self._exactly(length)

    def _exactly(self, count: int) -> bytearray:
        wanted = bytearray(count)
        missing = memoryview(wanted)
        while missing:
            received = self._guarded(partial(_recv_into, missing))
            if not received:
                self.broken = True
                raise Failed("cut", "the terminal closed the connection")
            missing = missing[received:]
        return wanted

    def _guarded(self, step: Callable[[socket.socket], Any]) -> Any:
        sock: socket.socket = self._ZK__sock
        try:
            sock.settimeout(self._time_left())
            return step(sock)
        except TimeoutError as error:
            self.broken = True
            raise Failed("timed_out", "no answer") from error
        except ConnectionRefusedError as error:  # over UDP, the port is closed
            self.broken = True
            raise Failed("unreachable", str(error)) from error
        except OSError as error:
            self.broken = True
            raise Failed("cut", str(error)) from error

    def _time_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self.broken = True
            raise Failed("timed_out", "the deadline has passed")
        return min(self._timeout, left)

    def sign_in(self) -> None:
        """Connect, with the communication key if the terminal asks for it."""
        try:
            self.connect()
        except ZKErrorResponse as error:
            raise Failed("wrong_key" if "Unauthenticated" in str(error) else "refused", str(error)) from error
        except struct.error as error:  # pyzk cannot combine some keys with some numbers of sessions; the next has another number
            raise Failed("refused", str(error)) from error

    def ask(self, command: int, data: bytes = b"") -> bytes:
        """Send a command that must be answered with OK, and return the data of its answer."""
        if not self._ZK__send_command(command, data)["status"]:
            raise Failed("refused", f"command {command} was answered with {self._ZK__response}")
        return bytes(self._ZK__data)

    def option(self, name: str) -> str | None:
        """An option of the terminal, or None if it has none of this name."""
        if not self._ZK__send_command(const.CMD_OPTIONS_RRQ, name.encode())["status"]:
            return None
        return self._text(bytes(self._ZK__data).split(b"=", 1)[-1])

    def firmware(self) -> str | None:
        """The version of the firmware."""
        return self._text(bytes(self._ZK__data)) if self._ZK__send_command(const.CMD_GET_VERSION)["status"] else None

    def _text(self, raw: bytes) -> str | None:
        text: str = raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
        return text or None

    def counts(self) -> dict[str, int]:
        """Numbers of users and records, and how many records there is room for."""
        self.ask(const.CMD_GET_FREE_SIZES)
        if len(self._ZK__data) < 80:
            raise Failed("invalid_answer", "the terminal does not say how many records it has")
        fields = struct.unpack_from("<20i", self._ZK__data)
        counts = {"users": fields[4], "records": fields[8], "capacity": fields[16]}
        if min(counts.values()) < 0:
            raise Failed("invalid_answer", f"the terminal counts {counts}")
        return counts

    def download(self, command: int, function: int = 0) -> bytearray:
        """A table, which begins with its length. It is shorter than it says if the terminal sent only a part of it."""
        code = self._ZK__send_command(PREPARE_BUFFER, struct.pack("<bhii", 1, command, function, 0))["code"]
        if code in {const.CMD_DATA, const.CMD_PREPARE_DATA}:
            return bytearray(self._payload() or b"")
        if code != const.CMD_ACK_OK or len(self._ZK__data) < 5:
            raise Failed("refused", f"reading the table {command} was answered with {code}")
        (size,) = struct.unpack_from("<I", self._ZK__data, 1)
        if size > LARGEST_TABLE:
            raise Failed("invalid_answer", f"a table of {size} bytes")
        table = bytearray()
        while len(table) < size:
            wanted = min(CHUNK[self.tcp], size - len(table))
            chunk = self._chunk(len(table), wanted)
            table += chunk
            if len(chunk) < wanted:
                break
        self._ZK__send_command(const.CMD_FREE_DATA)  # its answer does not matter: the table is complete
        return table

    def _chunk(self, start: int, size: int) -> Buffer:
        longest: Buffer = b""
        for _try in range(3):
            self._ZK__send_command(READ_BUFFER, struct.pack("<ii", start, size))
            chunk = self._payload()
            if chunk is not None and len(chunk) == size:
                return chunk
            if chunk is not None and len(longest) < len(chunk) < size:
                longest = chunk
        return longest

    def _payload(self) -> Buffer | None:
        if self._ZK__response == const.CMD_DATA:
            data: memoryview = self._ZK__data
            return data
        if self._ZK__response != const.CMD_PREPARE_DATA:
            return None
        parts = bytearray()
        previous: Buffer = b""
        while True:
            self._receive()
            if self._ZK__response == const.CMD_ACK_OK:
                return parts
            if not self.tcp and (self._ZK__response == const.CMD_PREPARE_DATA or self._ZK__data == previous):
                continue  # a datagram that came twice
            if self._ZK__response != const.CMD_DATA or len(parts) > LARGEST_TABLE:
                return None
            previous = self._ZK__data
            parts += previous


def _recv_into(buffer: memoryview, sock: socket.socket) -> int:
    return sock.recv_into(buffer)


def read(terminal: Terminal, job: dict[str, Any], answer: dict[str, Any]) -> list[bytearray]:
    """Read everything that the job asks for into `answer`; returns the table of users and the log."""
    describe(terminal, answer)
    clock = terminal.ask(const.CMD_GET_TIME)
    answer["clock"], answer["clock_read_at"] = int.from_bytes(clock[:4], "little") if len(clock) >= 4 else None, time.time()
    counts = answer["before"]
    full = 0 < counts["capacity"] <= counts["records"]
    wants_log = counts["records"] != job["known_records"] or full
    if not wants_log and not job["with_users"]:
        return [bytearray(), bytearray()]
    tables = [bytearray(), bytearray()]
    try:
        terminal._ZK__send_command(const.CMD_DISABLEDEVICE)
        for _download in range(DOWNLOADS if wants_log else 0):
            log = terminal.download(const.CMD_ATTLOG_RRQ) if counts["records"] else bytearray(4)
            after = terminal.counts()
            # The first four bytes are the length of the rest.
            lost_tail = len(log) < 4 or len(log) - 4 < struct.unpack_from("<I", log)[0]
            answer["before"], answer["after"], tables[1] = counts, after, log
            if after["records"] == counts["records"] and not lost_tail:
                break
            counts = after
        # Records of up to 16 bytes have the terminal's own number of the user, or need it from the table.
        if job["with_users"] or (wants_log and len(tables[1]) <= 4 + 16 * answer["after"]["records"]):
            answer["users"] = answer["after"]["users"] if wants_log else counts["users"]
            tables[0] = terminal.download(const.CMD_USERTEMP_RRQ, const.FCT_USER) if answer["users"] else bytearray()
    finally:
        answer["left_disabled"] = not enable_again(terminal, job)
    return tables


def describe(terminal: Terminal, answer: dict[str, Any]) -> None:
    """What the terminal says about itself."""
    answer["serial_number"], answer["platform"] = terminal.option("~SerialNumber"), terminal.option("~Platform")
    answer["device_name"], answer["firmware"] = terminal.option("~DeviceName"), terminal.firmware()
    answer["before"] = terminal.counts()


def enable_again(terminal: Terminal, job: dict[str, Any]) -> bool:
    """Let people punch again: through this connection, or through a new one if it is broken."""
    deadline = terminal._deadline = time.monotonic() + ENABLE_SECONDS
    if not terminal.broken:
        with suppress(Failed):
            terminal.ask(const.CMD_ENABLEDEVICE)
            return True
    terminal.broken = True
    terminal.close()
    return enable(job, deadline)


def enable(job: dict[str, Any], deadline: float) -> bool:
    """Enable a terminal through a new connection. It may take a moment to notice that the one before has gone."""
    while time.monotonic() < deadline:
        again = Terminal(job, deadline=deadline, timeout=job["timeout"])
        try:
            again.sign_in()
            again.ask(const.CMD_ENABLEDEVICE)
            end_session(again)
            return True
        except Failed:
            time.sleep(0.1)
        finally:
            again.close()
    return False


def run(job: dict[str, Any]) -> tuple[dict[str, Any], list[bytearray]]:
    """Do a job within its time; the answer has the name of the error if it failed."""
    if job["action"] == "enable":
        return {"left_disabled": not enable(job, job["deadline"])}, []
    answer: dict[str, Any] = {}
    tables: list[bytearray] = []
    terminal = Terminal(job, deadline=job["deadline"], timeout=job["timeout"])
    try:
        terminal.sign_in()
        match job["action"]:
            case "read":
                tables = read(terminal, job, answer)
            case "info":
                describe(terminal, answer)
            case "set_clock":
                terminal.ask(const.CMD_SET_TIME, struct.pack("<I", job["time"]))
        end_session(terminal)
    except Failed as error:
        answer |= {"error": error.code, "detail": error.detail}
    finally:
        terminal.close()
    return answer, tables


def end_session(terminal: Terminal) -> None:
    """End the session. What was done before is good even if this is not answered."""
    if not terminal.broken:
        with suppress(Failed):
            terminal.ask(const.CMD_EXIT)


def answer_job(connection: socket.socket) -> None:
    """Read one job from the connection and answer it. The kernel ends this process if it is late, whatever it is doing."""
    with connection, connection.makefile("rb") as incoming:
        connection.sendall(b"%d\n" % os.getpid())
        job = json.loads(incoming.readline())
        signal.setitimer(signal.ITIMER_REAL, max(job["killed_at"] - time.monotonic(), 0.001))
        answer, tables = run(job)
        with suppress(OSError):  # the parent has ended
            connection.sendall(json.dumps(answer | {"lengths": [len(table) for table in tables]}).encode() + b"\n")
            for table in tables:
                connection.sendall(table)


def main() -> None:
    """Fork a child for each socket that arrives, until the parent ends."""
    control = socket.socket(fileno=0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
    gc.freeze()
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, 1, 1)
        if not message:
            return
        for descriptor in descriptors:
            try:
                child = os.fork()
            except OSError:
                child = -1  # the parent sees the end of its connection
            if child == 0:
                control.close()
                answer_job(socket.socket(fileno=descriptor))
                os._exit(0)  # there is nothing to clean up
            os.close(descriptor)


if __name__ == "__main__":
    main()
