"""Terminals on the command line, from the network into the database."""

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.reading import Layout
from request_tracker_utils.core.db import reading
from tests.services.attendance import punches
from tests.services.attendance_logs import expected, punches as recorded, terminal_with
from tests.services.attendance_network import AttendanceNetwork
from tests.services.attendance_terminal import CONNECT, ENABLE, SimulatedTerminal
from tests.services.terminal import Run

LOOPBACK = {"TERMINAL_ALLOW_LOOPBACK": "true", "TIMEZONE": "America/Chicago"}


def add(run: Run, name: str, terminal: SimulatedTerminal, *options: str, typed: str = "") -> None:
    result = run("terminals", "add", name, terminal.address, "--port", terminal.port, *options, typed=typed, **LOOPBACK)
    assert result.exit_code == 0, result.output


@pytest.mark.both_databases
def test_terminals_are_added_and_every_punch_is_stored_once(app: Flask, run: Run, network: AttendanceNetwork) -> None:
    by_tcp = network.add(terminal_with(300, serial_number="TCP1"))
    by_udp = network.add(terminal_with(200, "8", serial_number="UDP1", comm_key=4711), transport="udp")
    add(run, "Entrance", by_tcp)
    add(run, "Gym", by_udp, "--transport", "udp", "--comm-key-stdin", "--layout", "8", typed="4711\n")
    first, again = (run("poll_devices", **LOOPBACK) for _ in range(2))
    assert first.output.splitlines() == [
        "Entrance: 300 records, 300 new, 0 cannot be decoded.",
        "Gym: 200 records, 200 new, 0 cannot be decoded.",
    ]
    assert (again.exit_code, again.output.count(" 0 new")) == (0, 2)
    by_tcp.punch(*recorded(5, first=300))
    assert "Entrance: 305 records, 5 new" in run("poll_devices", **LOOPBACK).output
    with app.app_context():
        found = [(each.user_id, each.uid, each.terminal_time, each.status, each.punch_state) for each in punches(1)]
        assert found == [(each.user_id, each.uid, each.time, each.status, each.punch) for each in expected(recorded(305), Layout.BYTES_40)]
        found = [(each.user_id, each.uid, each.terminal_time, each.status, each.punch_state) for each in punches(2)]
        assert found == [(each.user_id, each.uid, each.time, each.status, each.punch) for each in expected(recorded(200), Layout.BYTES_8)]
        with reading() as session:
            keys = session.scalars(select(Terminal.comm_key_cipher).order_by(Terminal.id)).all()
        assert keys[0] is None
        assert "4711" not in str(keys[1])
    assert (by_tcp.enabled, by_udp.enabled) == (True, True)
    assert run("terminals", "list", **LOOPBACK).output.startswith(f"1\tEntrance\t127.0.0.1:{by_tcp.port}\t2")


def test_one_terminal_that_fails_does_not_keep_others_from_being_polled(app: Flask, run: Run, network: AttendanceNetwork) -> None:
    broken, sound = network.add(terminal_with(3, serial_number="BAD1")), network.add(terminal_with(3, serial_number="GOOD1"))
    broken.faults.close_at = CONNECT
    add(run, "Broken", broken)
    add(run, "Sound", sound)
    result = run("poll_devices", **LOOPBACK)
    assert (result.exit_code, "Sound: 3 records, 3 new" in result.output) == (1, True)
    assert result.stderr.startswith("Broken: The terminal")


def test_a_terminal_that_could_not_be_enabled_is_enabled_by_the_next_poll(run: Run, network: AttendanceNetwork) -> None:
    terminal = network.add(terminal_with(3, serial_number="LEFT1"))
    add(run, "Entrance", terminal, "--timeout", "1")
    terminal.faults.hang_at = ENABLE
    assert "could not be enabled" in run("poll_devices", **LOOPBACK).stderr
    assert not terminal.enabled
    terminal.faults.hang_at = None
    assert "Entrance: 3 records, 0 new" in run("poll_devices", **LOOPBACK).output
    assert terminal.enabled


def test_a_replacement_is_accepted(run: Run, network: AttendanceNetwork) -> None:
    terminal = network.add(terminal_with(3, serial_number="OLD1"))
    add(run, "Entrance", terminal)
    assert run("poll_devices", **LOOPBACK).exit_code == 0
    terminal.serial_number = "NEW1"
    terminal.punch(*recorded(1, first=3))
    refused = run("poll_devices", **LOOPBACK)
    assert (refused.exit_code, "OLD1 and now has NEW1" in refused.stderr) == (1, True)
    assert run("terminals", "accept-replacement", "1").output == "The terminal Entrance has the serial number NEW1.\n"
    assert "Entrance: 4 records, 1 new" in run("poll_devices", **LOOPBACK).output


def test_addresses_are_checked_when_terminals_are_added_and_polled(run: Run, network: AttendanceNetwork) -> None:
    terminal = network.add(terminal_with(3, serial_number="LOOP1"))
    refused = run("terminals", "add", "Entrance", terminal.address)
    assert (refused.exit_code, refused.stderr) == (1, "Loopback addresses lead to this server. Enter the terminal’s own address.\n")
    add(run, "Entrance", terminal)
    refused = run("poll_devices")
    assert (refused.exit_code, "Loopback addresses" in refused.stderr, terminal.commands) == (1, True, [])


def test_terminals_are_tested_without_storing_anything(app: Flask, run: Run, network: AttendanceNetwork) -> None:
    sound, broken = network.add(terminal_with(3, serial_number="GOOD2")), network.add(terminal_with(3, serial_number="BAD2"))
    add(run, "Sound", sound)
    assert run("test_device", "--device-id", "1", **LOOPBACK).output.startswith("Sound: GOOD2, ")
    assert "GOOD2" in run("test_device", "--ip", sound.address, "--port", sound.port, **LOOPBACK).output
    by_udp = network.add(terminal_with(2, serial_number="UDP2", comm_key=4711), transport="udp")
    entered = ("--ip", by_udp.address, "--port", by_udp.port, "--transport", "udp", "--comm-key-stdin")
    assert "UDP2, F18" in run("test_device", *entered, typed="4711\n", **LOOPBACK).output
    refused = run("test_device", *entered, typed="1\n", **LOOPBACK)
    assert (refused.exit_code, "rejected the communication key" in refused.stderr) == (1, True)
    broken.faults.close_at = CONNECT
    add(run, "Broken", broken)
    result = run("test_device", "--all", **LOOPBACK)
    assert (result.exit_code, "3 of" in result.output, result.stderr.startswith("Broken: ")) == (1, True, True)
    broken_address = ("--ip", broken.address, "--port", broken.port)
    for options in (("--device-id", "2"), broken_address, ("--device-id", "9")):
        failed = run("test_device", *options, **LOOPBACK)
        assert (failed.exit_code, failed.output == failed.stderr != "") == (1, True), options
    for options in ((), ("--all", "--ip", "10.0.0.1"), ("--all", "--port", "4370"), ("--device-id", "1", "--comm-key-stdin")):
        assert run("test_device", *options).exit_code == 2
    with app.app_context():
        assert punches() == []


def test_new_punches_since_a_time_are_counted_and_all_are_stored(app: Flask, run: Run, network: AttendanceNetwork) -> None:
    add(run, "Entrance", network.add(terminal_with(3, serial_number="SINCE1")))
    result = run("poll_devices", "--since-hours", "1", **LOOPBACK)
    assert "Entrance: 3 records, 3 new" in result.output
    assert "Entrance: 0 of the new ones since " in result.output
    add(run, "Gym", network.add(terminal_with(4, serial_number="SINCE2")))
    lines = run("poll_devices", "--since-days", "36525", **LOOPBACK).output.splitlines()
    assert [line.partition(" since ")[0] for line in lines] == [
        "Entrance: 3 records, 0 new, 0 cannot be decoded.",
        "Entrance: 0 of the new ones",
        "Gym: 4 records, 4 new, 0 cannot be decoded.",
        "Gym: 4 of the new ones",
    ]
    too_long = ("--since-days", "36526"), ("--since-hours", "876601"), ("--since-days", "0")
    for options in (("--since-hours", "1", "--since-days", "1"), *too_long):
        assert run("poll_devices", *options).exit_code == 2, options
