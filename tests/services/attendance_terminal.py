"""A ZKTeco terminal for tests: its users, log and clock, its answers to commands, and the ways in which it can misbehave.

`attendance_network` serves any number of them on loopback. pyzk's own client accepts what they say.
"""

import itertools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CONNECT, EXIT, ENABLE, DISABLE, AUTH = 1000, 1001, 1002, 1003, 1102
GET_TIME, SET_TIME, GET_SIZES, GET_VERSION, GET_OPTION, REFRESH = 201, 202, 50, 1100, 11, 1013
READ_LOG, READ_USERS = 13, 9
PREPARE_DATA, DATA, FREE_DATA, PREPARE_BUFFER, READ_BUFFER = 1500, 1501, 1502, 1503, 1504
OK, ERROR, UNAUTHORIZED, EVENT = 2000, 2001, 2005, 500
HEADER = struct.Struct("<4H")
DIRECT = 1000  # tables up to this size are sent as the answer to PREPARE_BUFFER
DATAGRAM = 1024
RECORD_SIZES = {"8": 8, "ma300": 8, "16": 16, "40": 40, "49": 49}

_sessions = itertools.count(1001)


@dataclass(frozen=True)
class SimulatedUser:
    uid: int
    user_id: str
    name: str = ""
    password: str = "4711"
    card: int = 815

    def packed(self, size: int) -> bytes:
        if size == 28:
            return struct.pack(
                "<HB5s8sIxBhI", self.uid, 0, self.password.encode(), self.name.encode()[:8], self.card, 1, 0, int(self.user_id)
            )
        return struct.pack(
            "<HB8s24sIx7sx24s", self.uid, 0, self.password.encode(), self.name.encode()[:24], self.card, b"1", self.user_id.encode()
        )


@dataclass(frozen=True)
class Punched:
    """A record of the log. `time` may be a number as the terminal encodes it, for days that do not exist."""

    user: SimulatedUser
    time: datetime | int
    status: int = 1
    punch: int = 0
    work_code: int = 0

    def packed(self, layout: str) -> bytes:
        user, time = self.user, self.time if isinstance(self.time, int) else encoded_time(self.time)
        match layout:
            case "8":
                return struct.pack("<HBIB", user.uid, self.status, time, self.punch)
            case "ma300":
                return struct.pack("<HBBI", user.uid, self.status, self.punch, time)
            case "16":
                return struct.pack("<IIBB2xI", int(user.user_id), time, self.status, self.punch, self.work_code)
            case _:
                return struct.pack("<H24sBIB8s", user.uid, user.user_id.encode(), self.status, time, self.punch, b"\xff" * 8).ljust(
                    RECORD_SIZES[layout], b"\x7f"
                )


def encoded_time(time: datetime) -> int:
    return day_number(time.year, time.month, time.day) * 86400 + time.hour * 3600 + time.minute * 60 + time.second


def day_number(year: int, month: int, day: int) -> int:
    """The number of a day as terminals count them, also of one that does not exist."""
    return ((year - 2000) * 12 + month - 1) * 31 + day - 1


def decoded_time(encoded: int) -> datetime:
    days, second = divmod(encoded, 86400)
    return datetime(2000 + days // 372, days // 31 % 12 + 1, days % 31 + 1) + timedelta(seconds=second)


@dataclass
class Faults:
    """What goes wrong: at a command (by its number), while the log is sent, or in the bytes of every answer."""

    hang_at: int | None = None
    close_at: int | None = None
    reset_at: int | None = None
    garbage_at: int | None = None
    refuse: set[int] = field(default_factory=set)
    answers: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)  # what is answered instead, as pairs of code and data
    times: int = 1_000_000  # how often one of the above happens
    log_ends_at: int | None = None  # bytes of the log's table after which no more come …
    log_ends_by: str = "short"  # … and what happens then: "short" (all seems well), "reset", "close" or "hang"
    extra: bytes = b""  # follows the log's table
    twice: set[int] = field(default_factory=set)  # codes of answers that arrive twice over UDP
    lost_datagram: int | None = None  # the number of a datagram of data that is lost once
    drip: float | None = None  # seconds between two bytes
    pieces: int | None = None  # bytes per segment
    prepare: bool = False  # chunks come as three packets: PREPARE_DATA, DATA, OK; over UDP they always do
    events: bool = False  # a punch is announced before each answer


@dataclass
class SimulatedTerminal:
    """State and observations; `commands` are all that were received, with `enabled` at that time."""

    serial_number: str = "CK200861000001"
    layout: str = "40"
    users: list[SimulatedUser] = field(default_factory=list)
    user_size: int = 72
    comm_key: int = 0
    drift: timedelta = timedelta()
    capacity: int = 100_000
    delay: float = 0
    faults: Faults = field(default_factory=Faults)
    log: bytearray = field(default_factory=bytearray)
    counted: int | None = None  # the number of records that it claims, if that is not true
    counted_users: int | None = None  # likewise
    before_log: list[bytes] = field(default_factory=list)  # records punched just before each download of the log …
    after_log: list[bytes] = field(default_factory=list)  # … and just after it
    enabled: bool = True
    commands: list[int] = field(default_factory=list)
    downloads: int = 0
    refused_sessions: int = 0
    on_command: Callable[[int], None] | None = None  # called before a command is answered, in the thread of the network
    address: str = ""
    port: int = 0

    def punch(self, *punches: Punched) -> None:
        self.log += b"".join(each.packed(self.layout) for each in punches)

    @property
    def records(self) -> int:
        return len(self.log) // RECORD_SIZES[self.layout] if self.counted is None else self.counted

    def now(self) -> datetime:
        return (datetime.now() + self.drift).replace(microsecond=0)


class Session:
    """One client's session with a terminal: from CONNECT to EXIT or the end of the connection."""

    def __init__(self, terminal: SimulatedTerminal, *, tcp: bool) -> None:
        self.terminal, self.tcp = terminal, tcp
        self.number = 0
        self.signed_in = self.ended = False
        self._table = bytearray()
        self._is_log = False

    def answer(self, command: int, data: bytes) -> Iterable[tuple[int, bytes]]:
        """The packets that answer a command, as pairs of code and data."""
        terminal = self.terminal
        if command in terminal.faults.answers:
            return terminal.faults.answers[command]
        if command == CONNECT:
            self.number = next(_sessions) % 65535
            self.signed_in = not terminal.comm_key
            return [(OK if self.signed_in else UNAUTHORIZED, b"")]
        if command == AUTH:
            self.signed_in = data == scrambled(terminal.comm_key, self.number)
            return [(OK if self.signed_in else UNAUTHORIZED, b"")]
        if not self.signed_in:
            return [(UNAUTHORIZED, b"")]
        if command in terminal.faults.refuse:
            return [(ERROR, b"")]
        return self._command(command, data)

    def _command(self, command: int, data: bytes) -> Iterable[tuple[int, bytes]]:
        terminal = self.terminal
        match command:
            case 1001:  # EXIT
                self.ended = True
                return [(OK, b"")]
            case 1002 | 1003:  # ENABLE, DISABLE
                terminal.enabled = command == ENABLE
                return [(OK, b"")]
            case 201:  # GET_TIME
                return [(OK, struct.pack("<I", encoded_time(terminal.now())))]
            case 202:  # SET_TIME
                terminal.drift = decoded_time(struct.unpack("<I", data)[0]) - datetime.now()
                return [(OK, b"")]
            case 50:  # GET_SIZES
                return [(OK, self._sizes())]
            case 1100:  # GET_VERSION
                return [(OK, b"Ver 6.60 Apr 28 2017\0")]
            case 11:  # GET_OPTION
                return [self._option(data.rstrip(b"\0").decode())]
            case 1503:  # PREPARE_BUFFER
                return self._prepare(struct.unpack_from("<h", data, 1)[0])
            case 1504:  # READ_BUFFER
                return self._chunk(*struct.unpack("<ii", data))
            case 1502:  # FREE_DATA
                self._table = bytearray()
                if self._is_log and terminal.after_log:
                    terminal.log += terminal.after_log.pop(0)
                return [(OK, b"")]
            case 1013:  # REFRESH
                return [(OK, b"")]
        return [(0xFFFF, b"")]

    def _sizes(self) -> bytes:
        fields = [0] * 20
        users = len(self.terminal.users) if self.terminal.counted_users is None else self.terminal.counted_users
        fields[4], fields[8], fields[14], fields[15], fields[16] = (
            users,
            self.terminal.records,
            3000,
            10000,
            self.terminal.capacity,
        )
        return struct.pack("<20i", *fields)

    def _option(self, name: str) -> tuple[int, bytes]:
        options = {"~SerialNumber": self.terminal.serial_number, "~Platform": "ZEM560_TFT", "~DeviceName": "F18", "~ZKFPVersion": "10"}
        return (OK, f"{name}={options[name]}\0".encode()) if name in options else (ERROR, b"")

    def _prepare(self, table: int) -> list[tuple[int, bytes]]:
        terminal = self.terminal
        self._is_log = table == READ_LOG
        if self._is_log:
            terminal.downloads += 1
            if terminal.before_log:
                terminal.log += terminal.before_log.pop(0)
            content: bytes | bytearray = terminal.log
        elif table == READ_USERS:
            content = b"".join(user.packed(terminal.user_size) for user in terminal.users)
        else:
            return [(ERROR, b"")]
        self._table = bytearray(struct.pack("<I", len(content))) + content + (terminal.faults.extra if self._is_log else b"")
        if len(self._table) <= DIRECT:
            whole = bytes(self._table[: self._end()])
            if self._is_log and terminal.after_log:
                terminal.log += terminal.after_log.pop(0)
            return [(DATA, whole)]
        return [(OK, struct.pack("<BII", 0, len(self._table), 0))]

    def _end(self) -> int:
        """Where the table ends for the client: earlier if the log is to be cut without a sign of it."""
        faults = self.terminal.faults
        cut = self._is_log and faults.log_ends_at is not None and faults.log_ends_by == "short"
        return faults.log_ends_at or 0 if cut else len(self._table)

    def _chunk(self, start: int, size: int) -> Iterable[tuple[int, bytes]]:
        end = min(start + size, self._end())
        if start >= end:
            return [(ERROR, b"")]
        chunk = bytes(memoryview(self._table)[start:end])
        if self.tcp and not self.terminal.faults.prepare:
            return [(DATA, chunk)]
        step = len(chunk) if self.tcp else DATAGRAM
        parts = [(DATA, chunk[at : at + step]) for at in range(0, len(chunk), step)]
        return [(PREPARE_DATA, struct.pack("<II", len(chunk), 0)), *parts, (OK, b"")]

    def breaks_within(self, command: int, data: bytes) -> int | None:
        """How many bytes of this answer's data still come before the connection breaks, if it does within this answer."""
        faults = self.terminal.faults
        if not self._is_log or faults.log_ends_at is None or faults.log_ends_by == "short":
            return None
        start, size = struct.unpack("<ii", data) if command == READ_BUFFER else (0, len(self._table))
        if command not in {READ_BUFFER, PREPARE_BUFFER} or (command == PREPARE_BUFFER and len(self._table) > DIRECT):
            return None
        return max(faults.log_ends_at - start, 0) if start + size > faults.log_ends_at else None


def scrambled(key: int, session: int) -> bytes:
    """The communication key as it is sent in a session."""
    mixed = (int(f"{key:032b}"[::-1], 2) + session) & 0xFFFFFFFF
    first = bytes(a ^ b for a, b in zip(struct.pack("<I", mixed), b"ZKSO", strict=True))
    swapped = first[2:] + first[:2]
    ticks = 50
    return bytes([swapped[0] ^ ticks, swapped[1] ^ ticks, ticks, swapped[3] ^ ticks])
