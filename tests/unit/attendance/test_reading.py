"""Reading well-behaved terminals, compared record by record, and which reads download nothing or only decode the new records."""

import ast
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from zk import ZK

from request_tracker_utils.attendance import terminal_process
from request_tracker_utils.attendance.errors import TerminalCutConnection, TerminalsNotInstalled
from request_tracker_utils.attendance.reading import (
    KnownLog,
    Layout,
    Target,
    TerminalReader,
    TerminalUser,
    Transport,
)
from tests.services.attendance_logs import PEOPLE, expected, punches, target, terminal_with
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import (
    CONNECT,
    DISABLE,
    ENABLE,
    PREPARE_BUFFER,
    Faults,
    SimulatedTerminal,
)

LAYOUTS = [layout for layout in Layout if layout is not Layout.AUTO]
DEADLINE = 60.0


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [3, 4000])
def test_all_records_of_a_log(network: AttendanceNetwork, reader: TerminalReader, layout: Layout, transport: Transport, count: int) -> None:
    terminal = network.add(terminal_with(count, layout.value), transport=transport)

    reading = reader.read(target(terminal, transport, layout=layout if layout is Layout.MA300 else Layout.AUTO), deadline=DEADLINE)

    assert reading.log is not None
    assert list(reading.log.records) == expected(punches(count), layout)
    assert (reading.log.complete, reading.log.problem, reading.log.total, reading.log.tail_only) == (True, None, count, False)
    assert reading.users == tuple(
        TerminalUser(person.uid, person.user_id, person.name[: 8 if terminal.user_size == 28 else 24]) for person in PEOPLE
    )
    assert terminal.enabled
    assert terminal.commands.index(DISABLE) < terminal.commands.index(PREPARE_BUFFER) < terminal.commands.index(ENABLE)
    assert terminal.drift == timedelta()


@pytest.mark.parametrize("transport", Transport)
def test_a_terminal_with_an_ipv6_address(network: AttendanceNetwork, reader: TerminalReader, transport: Transport) -> None:
    terminal = network.add(terminal_with(2000), transport=transport, host="::1")
    reading = reader.read(target(terminal, transport), deadline=DEADLINE)
    assert reading.log is not None
    assert (terminal.address, reading.log.complete) == ("::1", True)
    assert list(reading.log.records) == expected(punches(2000), Layout.BYTES_40)


@pytest.mark.parametrize("layout", ["8", "16", "40"])
@pytest.mark.parametrize("transport", Transport)
def test_pyzk_reads_the_same(network: AttendanceNetwork, reader: TerminalReader, layout: str, transport: Transport) -> None:
    terminal = network.add(terminal_with(3000, layout, comm_key=4711), transport=transport)
    client = ZK(terminal.address, terminal.port, timeout=20, password=4711, force_udp=transport is Transport.UDP, ommit_ping=True)

    connection = client.connect()
    connection.disable_device()
    theirs = [(each.user_id, each.timestamp, each.status, each.punch) for each in connection.get_attendance()]
    users = [(each.uid, each.user_id, each.name) for each in connection.get_users()]
    serial_number, drift = connection.get_serialnumber(), connection.get_time() - datetime.now()
    connection.enable_device()
    connection.disconnect()

    reading = reader.read(target(terminal, transport), deadline=DEADLINE)
    assert reading.log is not None
    assert theirs == [(each.user_id, each.time, each.status, each.punch) for each in reading.log.records]
    assert users == [(each.uid, each.user_id, each.name) for each in reading.users or ()]
    assert serial_number == reading.info.serial_number
    assert abs(drift) < timedelta(seconds=30)
    assert terminal.enabled


@pytest.mark.parametrize("transport", Transport)
def test_device_info_and_clock(network: AttendanceNetwork, reader: TerminalReader, transport: Transport) -> None:
    terminal = network.add(terminal_with(5, comm_key=131072, drift=timedelta(minutes=-15), capacity=80_000), transport=transport)

    info = reader.info(target(terminal, transport), deadline=DEADLINE)
    reading = reader.read(target(terminal, transport), deadline=DEADLINE)

    assert info == reading.info
    assert (info.serial_number, info.platform, info.device_name) == ("CK200861000001", "ZEM560_TFT", "F18")
    assert (info.firmware, info.users, info.records, info.capacity) == ("Ver 6.60 Apr 28 2017", 39, 5, 80_000)
    assert reading.clock is not None
    assert abs(reading.clock - datetime.fromtimestamp(reading.clock_read_at.timestamp()) + timedelta(minutes=15)) < timedelta(seconds=2)

    reader.set_clock(target(terminal, transport), deadline=DEADLINE, local_time=datetime(2026, 12, 31, 23, 59, 59))
    assert abs(terminal.now() - datetime(2026, 12, 31, 23, 59, 59)) < timedelta(minutes=5)


def test_an_empty_log_is_complete(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(SimulatedTerminal())

    log = reader.read(target(terminal), deadline=DEADLINE).log

    assert log is not None
    assert log.known is not None
    assert (list(log.records), log.complete, log.known.records) == ([], True, 0)
    assert reader.read(target(terminal), deadline=DEADLINE, known=log.known).log is None


def test_an_unchanged_count_downloads_nothing(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(500, comm_key=9))
    log = reader.read(target(terminal), deadline=DEADLINE).log
    assert log is not None
    assert log.known is not None
    terminal.commands.clear()

    reading = reader.read(target(terminal), deadline=DEADLINE, known=log.known, with_users=False)

    assert (reading.log, reading.users, reading.info.records) == (None, None, 500)
    assert len(terminal.commands) <= 10
    assert not {DISABLE, PREPARE_BUFFER} & set(terminal.commands)


def test_when_an_unchanged_count_is_not_trusted(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(50, capacity=60))
    log = reader.read(target(terminal), deadline=DEADLINE).log
    assert log is not None
    assert log.known is not None
    known = log.known

    def downloads(known: KnownLog, *, full: bool = False) -> bool:
        return reader.read(target(terminal), deadline=DEADLINE, known=known, full=full, with_users=False).log is not None

    assert not downloads(known)
    assert downloads(known, full=True)
    assert downloads(replace(known, verified_at=datetime.now(UTC) - timedelta(hours=24, minutes=1)))
    assert downloads(replace(known, verified_at=datetime.now(UTC) + timedelta(hours=1))), "a clock was set back"
    assert downloads(replace(known, records=49))
    terminal.capacity = 50
    assert downloads(known), "a full terminal replaces old records by new ones"


def test_only_new_records_are_decoded_behind_an_unchanged_beginning(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(2000))
    first = reader.read(target(terminal), deadline=DEADLINE).log
    assert first is not None
    terminal.punch(*punches(30, first=2000))

    log = reader.read(target(terminal), deadline=DEADLINE, known=first.known).log

    assert log is not None
    assert log.known is not None
    assert log.tail_only
    assert log.complete
    assert list(log.records) == expected(punches(30, first=2000), Layout.BYTES_40)
    assert (log.total, sum(log.by_day.values())) == (2030, 2030)
    assert (log.known.records, log.known.length) == (2030, 2030 * 40)
    assert log.known.digest == hashlib.sha256(terminal.log).digest()

    restarted = TerminalReader()
    again = restarted.read(target(terminal), deadline=DEADLINE, known=first.known).log
    restarted.close()
    assert again is not None
    assert again.by_day == log.by_day

    everything = reader.read(target(terminal), deadline=DEADLINE, known=first.known, full=True).log
    assert everything is not None
    assert list(everything.records) == expected(punches(2030), Layout.BYTES_40)
    assert everything.known is not None
    assert everything.known.digest == log.known.digest


def test_a_log_that_was_cleared_or_changed_is_decoded_whole(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(100))
    first = reader.read(target(terminal), deadline=DEADLINE).log
    assert first is not None
    for made in (punches(20, first=100), punches(130, first=70)):
        terminal.log.clear()
        terminal.punch(*made)
        log = reader.read(target(terminal), deadline=DEADLINE, known=first.known).log
        assert log is not None
        assert not log.tail_only
        assert log.complete
        assert list(log.records) == expected(made, Layout.BYTES_40)


@pytest.mark.parametrize("transport", Transport)
def test_packets_that_arrive_split_or_joined(network: AttendanceNetwork, reader: TerminalReader, transport: Transport) -> None:
    for faults in (Faults(pieces=1000), Faults(pieces=7), Faults(prepare=True), Faults(prepare=True, pieces=911), Faults(events=True)):
        terminal = network.add(terminal_with(2000, faults=faults), transport=transport)
        log = reader.read(target(terminal, transport), deadline=DEADLINE).log
        assert log is not None
        assert log.complete
        assert list(log.records) == expected(punches(2000), Layout.BYTES_40), faults


def test_many_terminals_at_once_do_not_wait_for_those_that_hang(network: AttendanceNetwork, reader: TerminalReader) -> None:
    hanging = [network.add(terminal_with(10, faults=Faults(hang_at=CONNECT))) for _number in range(5)]
    answering = [network.add(terminal_with(10 + number)) for number in range(25)]

    def read(terminal: SimulatedTerminal) -> int:
        log = reader.read(target(terminal), deadline=DEADLINE).log
        return log.total if log else -1

    with ThreadPoolExecutor(30) as pool:
        waiting = [pool.submit(read, terminal) for terminal in hanging]
        assert list(pool.map(read, answering)) == [10 + number for number in range(25)]
        assert not any(each.done() for each in waiting)
        for terminal in hanging:
            terminal.faults.hang_at = None
        for each in waiting:
            with pytest.raises(TerminalCutConnection):
                each.result()


def test_a_log_of_half_a_million_records(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = SimulatedTerminal(users=list(PEOPLE), capacity=600_000)
    terminal.punch(*punches(5000))
    terminal.log *= 100
    network.add(terminal)

    log = reader.read(target(terminal), deadline=DEADLINE).log

    assert log is not None
    assert (log.complete, log.total, len(log.records)) == (True, 500_000, 500_000)
    part = expected(punches(5000), Layout.BYTES_40)
    assert all(record == part[number % 5000] for number, record in enumerate(log.records))


def test_the_process_imports_the_standard_library_and_pyzk_alone() -> None:
    tree = ast.parse(Path(terminal_process.__file__).read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) == {"zk"}


def test_without_pyzk_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(TerminalsNotInstalled, match="pyzk"):
        TerminalReader().info(Target("127.0.0.1"), deadline=1)


def test_the_key_is_not_shown() -> None:
    assert "4711" not in repr(Target("10.1.1.1", comm_key=4711))
