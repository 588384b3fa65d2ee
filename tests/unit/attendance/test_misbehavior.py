"""Each way in which a terminal can misbehave, with its outcome. However a read ends, people can punch again."""

import socket
import time
from contextlib import closing

import pytest

from request_tracker_utils.attendance.errors import (
    TerminalCutConnection,
    TerminalError,
    TerminalInvalidAnswer,
    TerminalRefused,
    TerminalTimedOut,
    TerminalUnreachable,
    WrongCommKey,
)
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.reading import LONGEST_TEXTS, Layout, Log, Target, TerminalReader, Transport
from tests.services.attendance_logs import MORNING, PEOPLE, expected, punches, target, terminal_with
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import (
    AUTH,
    CONNECT,
    DATA,
    DISABLE,
    ENABLE,
    ERROR,
    EXIT,
    FREE_DATA,
    GET_OPTION,
    GET_SIZES,
    GET_TIME,
    GET_VERSION,
    OK,
    PREPARE_BUFFER,
    PREPARE_DATA,
    READ_BUFFER,
    Faults,
    Punched,
    SimulatedTerminal,
    day_number,
)

STEPS = [CONNECT, GET_OPTION, GET_VERSION, GET_SIZES, GET_TIME, DISABLE, PREPARE_BUFFER, READ_BUFFER, FREE_DATA]
READ_STEPS = STEPS[5:]
DEADLINE = 60.0


def read(reader: TerminalReader, where: Target, deadline: float = DEADLINE) -> Log:
    log = reader.read(where, deadline=deadline).log
    assert log is not None
    return log


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("step", STEPS)
def test_a_terminal_that_hangs_times_out_and_is_enabled(
    network: AttendanceNetwork, reader: TerminalReader, step: int, transport: Transport
) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(hang_at=step, times=1)), transport=transport)
    with pytest.raises(TerminalTimedOut) as caught:
        reader.read(target(terminal, transport, timeout=0.5), deadline=DEADLINE)
    assert terminal.enabled
    assert "left_disabled" not in caught.value.fields
    assert (ENABLE in terminal.commands) == (step in READ_STEPS)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", ["close_at", "reset_at"])
def test_a_connection_that_is_cut_is_noticed(network: AttendanceNetwork, reader: TerminalReader, step: int, how: str) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(times=1, **{how: step})))  # type: ignore[arg-type]
    with pytest.raises(TerminalCutConnection):
        reader.read(target(terminal), deadline=DEADLINE)
    assert terminal.enabled


@pytest.mark.parametrize(("how", "error"), [("close", TerminalCutConnection), ("reset", TerminalCutConnection), ("hang", TerminalTimedOut)])
@pytest.mark.parametrize("length", [3, 50_000, 70_000])
def test_an_answer_that_breaks_off_in_the_middle(
    network: AttendanceNetwork, reader: TerminalReader, how: str, error: type[TerminalError], length: int
) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(log_ends_at=length, log_ends_by=how)))
    with pytest.raises(error):
        reader.read(target(terminal, timeout=1), deadline=DEADLINE)
    assert terminal.enabled


@pytest.mark.parametrize("transport", Transport)
def test_a_lost_tail_keeps_what_came_and_says_so(network: AttendanceNetwork, reader: TerminalReader, transport: Transport) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(log_ends_at=4 + 1234 * 40 + 17)), transport=transport)

    log = read(reader, target(terminal, transport))

    assert (log.complete, log.problem, log.known) == (False, "lost_tail", None)
    assert list(log.records) == expected(punches(1234), Layout.BYTES_40)
    assert terminal.downloads == 2, "it is read once more"
    assert terminal.enabled


def test_a_small_log_that_is_cut_to_nothing_is_not_complete(network: AttendanceNetwork, reader: TerminalReader) -> None:
    for end in (0, 3, 4, 30):
        log = read(reader, target(network.add(terminal_with(5, faults=Faults(log_ends_at=end)))))
        assert (log.complete, log.problem, list(log.records), log.known) == (False, "lost_tail", [], None), end


@pytest.mark.parametrize("count", [3, 2000])
@pytest.mark.parametrize("code", [OK, DATA, PREPARE_DATA])
def test_datagrams_that_come_twice_add_and_lose_nothing(network: AttendanceNetwork, reader: TerminalReader, code: int, count: int) -> None:
    terminal = network.add(terminal_with(count, faults=Faults(twice={code})), transport=Transport.UDP)
    log = read(reader, target(terminal, Transport.UDP, timeout=3))
    assert list(log.records) == expected(punches(count), Layout.BYTES_40)
    assert (log.complete, log.problem, terminal.enabled) == (True, None, True)


def test_a_datagram_that_is_lost_is_asked_for_again(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(lost_datagram=20)), transport="udp")
    log = read(reader, target(terminal, Transport.UDP))
    assert log.complete
    assert list(log.records) == expected(punches(2000), Layout.BYTES_40)


@pytest.mark.parametrize("transport", Transport)
def test_the_deadline_is_kept_with_dripping_bytes(network: AttendanceNetwork, reader: TerminalReader, transport: Transport) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(hang_at=READ_BUFFER) if transport is Transport.UDP else Faults(drip=0.02)))
    if transport is Transport.UDP:
        network.add(terminal, transport=transport)
    begun = time.monotonic()
    with pytest.raises(TerminalTimedOut):
        reader.read(target(terminal, transport), deadline=3)
    # The bytes alone would take half an hour, and the timeout is 20 s for each answer.
    assert time.monotonic() - begun < 15
    assert terminal.enabled


def test_a_record_between_the_count_and_the_read_invents_nothing(network: AttendanceNetwork, reader: TerminalReader) -> None:
    one, two = punches(1), punches(2)
    for layout in ("8", "16", "40"):
        # One counted record of 8 bytes and one that came in between are 16 bytes: exact, and an invented user.
        terminal = SimulatedTerminal(layout=layout, users=list(PEOPLE), before_log=[two[1].packed(layout)] * 2)
        terminal.punch(*one)
        log = read(reader, target(network.add(terminal)))
        assert (log.complete, log.problem, log.known) == (False, "count_changed", None), layout
        assert {record.user_id for record in log.records} <= {person.user_id for person in PEOPLE}


def test_a_log_that_grew_once_is_read_again(network: AttendanceNetwork, reader: TerminalReader) -> None:
    for when in ("before_log", "after_log"):
        terminal = terminal_with(2000)
        getattr(terminal, when).append(punches(1, first=2000)[0].packed("40"))
        log = read(reader, target(network.add(terminal)))
        assert log.complete
        assert list(log.records) == expected(punches(2001), Layout.BYTES_40)
        assert terminal.downloads == 2
        assert terminal.enabled


def test_a_log_that_keeps_growing_is_decoded_but_not_complete(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = terminal_with(2000, before_log=[each.packed("40") for each in punches(2, first=2000)])
    log = read(reader, target(network.add(terminal)))
    assert (log.complete, log.problem) == (False, "count_changed")
    assert list(log.records) == expected(punches(2002), Layout.BYTES_40)


def test_unknown_sizes_keep_the_raw_bytes(network: AttendanceNetwork, reader: TerminalReader) -> None:
    table = {
        "24 bytes": (SimulatedTerminal(log=bytearray(range(240)), counted=10), Layout.AUTO),
        "not a whole number of records": (SimulatedTerminal(log=bytearray(403), counted=10), Layout.AUTO),
        "another layout than set": (terminal_with(10), Layout.BYTES_49),
        "smaller records than set": (terminal_with(10, "8"), Layout.BYTES_40),
        "fewer records than counted": (terminal_with(10, counted=23), Layout.AUTO),
    }
    for case, (terminal, layout) in table.items():
        log = read(reader, target(network.add(terminal), layout=layout))
        assert (log.complete, log.problem, list(log.records)) == (False, "unknown_size", []), case
        assert log.raw == terminal.log, case
        assert terminal.enabled


def test_trailing_bytes_are_not_records(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(2000, faults=Faults(extra=punches(1)[0].packed("40"))))
    log = read(reader, target(terminal))
    assert (log.complete, log.problem) == (False, "trailing_bytes")
    assert list(log.records) == expected(punches(2000), Layout.BYTES_40)


def test_records_with_invalid_dates_are_kept_raw(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = terminal_with(100)
    february_31 = Punched(PEOPLE[0], day_number(2026, 2, 31) * 86400)
    terminal.punch(february_31, *punches(50, first=100))
    log = read(reader, target(network.add(terminal)))
    assert list(log.records) == expected(punches(150), Layout.BYTES_40)
    assert [(each.raw, each.reason, each.position) for each in log.undecodable] == [(february_31.packed("40"), "invalid_time", 100)]
    assert (log.complete, log.total) == (True, 151)


def test_numbers_of_users_without_a_usable_table_are_not_guessed(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(10, "8"))
    deleted = terminal.users.pop(3)
    log = read(reader, target(terminal))
    assert [(each.raw, each.reason) for each in log.undecodable] == [(punches(10)[3].packed("8"), "unknown_uid")]
    assert deleted.user_id not in {record.user_id for record in log.records}
    assert len(log.records) == 9

    terminal.counted_users = 50
    log = read(reader, target(terminal))
    assert (log.complete, log.problem, list(log.records), log.known) == (False, "unknown_users", [], None)


def test_a_terminal_that_refuses_to_be_read(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(10, faults=Faults(refuse={PREPARE_BUFFER})))
    with pytest.raises(TerminalRefused):
        reader.read(target(terminal), deadline=DEADLINE)
    assert terminal.enabled


def test_answers_that_make_no_sense(network: AttendanceNetwork, reader: TerminalReader) -> None:
    table: list[tuple[int, list[tuple[int, bytes]], type[TerminalError]]] = [
        (CONNECT, [(0xFFFF, b"")], TerminalRefused),
        (GET_SIZES, [(OK, b"")], TerminalInvalidAnswer),
        (GET_SIZES, [(OK, b"\xff" * 80)], TerminalInvalidAnswer),
        (GET_TIME, [(ERROR, b"")], TerminalRefused),
        (PREPARE_BUFFER, [(OK, b"\0")], TerminalRefused),
        (PREPARE_BUFFER, [(OK, b"\0\xff\xff\xff\xff")], TerminalInvalidAnswer),
    ]
    for command, answers, error in table:
        terminal = network.add(terminal_with(2000, faults=Faults(answers={command: answers})))
        with pytest.raises(error):
            reader.read(target(terminal), deadline=DEADLINE)
        assert terminal.enabled, command


def test_answers_that_are_worth_less_than_the_log(network: AttendanceNetwork, reader: TerminalReader) -> None:
    february_31 = (day_number(2026, 2, 31) * 86400).to_bytes(4, "little")
    for command, answer in (
        (GET_TIME, (OK, february_31)),
        (GET_TIME, (OK, b"")),
        (GET_OPTION, (ERROR, b"")),
        (GET_VERSION, (OK, b"\xff\xfe")),
        (DISABLE, (ERROR, b"")),
        (FREE_DATA, (ERROR, b"")),
        (EXIT, (ERROR, b"")),
    ):
        terminal = network.add(terminal_with(2000, faults=Faults(answers={command: [answer]})))
        reading = reader.read(target(terminal), deadline=DEADLINE)
        assert reading.log is not None
        assert reading.log.complete
        assert list(reading.log.records) == expected(punches(2000), Layout.BYTES_40), command
        assert (reading.clock is None) == (command == GET_TIME)
        assert (reading.info.serial_number is None) == (command == GET_OPTION)


def test_texts_that_are_longer_than_their_columns_are_cut(network: AttendanceNetwork, reader: TerminalReader) -> None:
    long = (OK, b"~Option=" + b"x" * 5000)
    terminal = network.add(terminal_with(10, faults=Faults(answers={GET_OPTION: [long], GET_VERSION: [long]})))
    info = reader.read(target(terminal), deadline=DEADLINE).info
    assert {name: len(getattr(info, name)) for name in LONGEST_TEXTS} == LONGEST_TEXTS
    assert {name: Terminal.__table__.c[name].type.length for name in LONGEST_TEXTS} == LONGEST_TEXTS


def test_parts_of_the_log_that_are_refused_or_too_long_are_missing(network: AttendanceNetwork, reader: TerminalReader) -> None:
    for answers in ([(ERROR, b"")], [(DATA, b"\0" * 100_000)], [(PREPARE_DATA, b"\0" * 8), (ERROR, b"")]):
        log = read(reader, target(network.add(terminal_with(2000, faults=Faults(answers={READ_BUFFER: answers})))))
        assert (log.complete, log.problem, list(log.records)) == (False, "lost_tail", []), answers[0]


@pytest.mark.parametrize("transport", Transport)
def test_a_wrong_key(network: AttendanceNetwork, reader: TerminalReader, transport: Transport) -> None:
    terminal = network.add(terminal_with(3, comm_key=123456), transport=transport)
    for key in (0, 1, 123457, 999999):
        with pytest.raises(WrongCommKey):
            reader.read(Target(terminal.address, terminal.port, transport, comm_key=key), deadline=DEADLINE)
    assert set(terminal.commands) == {CONNECT, AUTH}
    assert read(reader, target(terminal, transport)).total == 3


def test_what_is_not_a_terminal(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3, faults=Faults(garbage_at=CONNECT)))
    with pytest.raises(TerminalInvalidAnswer):
        reader.read(target(terminal), deadline=DEADLINE)


@pytest.mark.parametrize("transport", Transport)
def test_nobody_at_the_address(reader: TerminalReader, transport: Transport) -> None:
    kind = socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM
    with closing(socket.socket(socket.AF_INET, kind)) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TerminalUnreachable):
        reader.read(Target("127.0.0.1", port, transport), deadline=DEADLINE)


def test_tcp_never_becomes_udp(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3), transport="udp")
    with pytest.raises(TerminalUnreachable):
        reader.read(target(terminal, Transport.TCP), deadline=DEADLINE)
    assert terminal.commands == []


def test_a_terminal_that_another_program_reads(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3))
    with socket.create_connection((terminal.address, terminal.port)) as other:
        other.sendall(bytes.fromhex("5050827d08000000") + bytes.fromhex("e80317fc00000000"))
        assert other.recv(100)
        with pytest.raises(TerminalRefused):
            reader.read(target(terminal), deadline=DEADLINE)
    assert terminal.refused_sessions == 1


def test_a_terminal_that_cannot_be_enabled_is_reported(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3, faults=Faults(hang_at=ENABLE)))
    reading = reader.read(target(terminal, timeout=0.5), deadline=DEADLINE)
    assert reading.left_disabled
    assert reading.log is not None
    assert reading.log.complete
    terminal.faults.close_at = READ_BUFFER
    terminal.log *= 100
    with pytest.raises(TerminalCutConnection) as caught:
        reader.read(target(terminal, timeout=0.5), deadline=DEADLINE)
    assert caught.value.fields == {"left_disabled": True}


def test_an_exit_without_an_answer_loses_nothing(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = network.add(terminal_with(3, faults=Faults(close_at=EXIT)))
    assert read(reader, target(terminal)).total == 3


def test_an_invalid_day_of_another_person_is_not_a_reason_to_stop(network: AttendanceNetwork, reader: TerminalReader) -> None:
    terminal = SimulatedTerminal(layout="16", users=list(PEOPLE))
    terminal.punch(*[Punched(PEOPLE[1], day_number(2026, 6, 31) * 86400), Punched(PEOPLE[2], MORNING)] * 300)
    log = read(reader, target(network.add(terminal)))
    assert (len(log.records), len(log.undecodable), log.complete) == (300, 300, True)
