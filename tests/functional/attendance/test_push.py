"""Terminals that push: introduced, acknowledged after everything is stored, and refused without OK."""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.attendance.current import encrypt_push_key
from request_tracker_utils.attendance.models import PushStamp, QuarantinedRecord, Terminal, TerminalUserRow
from request_tracker_utils.attendance.push import contacts, pending
from request_tracker_utils.attendance.push.pending import Change
from request_tracker_utils.attendance.service import NewTerminal
from request_tracker_utils.core.db import reading, transaction
from tests.services.attendance import ADA, INFO, ZONE, HandMade, punches, record, shown, terminal
from tests.services.attendance_push import PushFaults, PushingTerminal, by_client, lines
from tests.services.push_settings import allow_pushing
from tests.services.tables import check_all

SN = "PUSH00000001"


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def pushed(inside: Flask) -> Flask:
    """An app to which terminals may push, in its context."""
    allow_pushing(inside)
    return inside


@pytest.fixture
def device(pushed: Flask) -> PushingTerminal:
    """An accepted terminal."""
    found = PushingTerminal(by_client(pushed.test_client()), SN)
    assert not found.introduce()
    accept()
    return found


def change() -> Change:
    return Change(ADA, datetime.now(UTC), encrypt_push_key)


def waiting() -> list[tuple[str, int]]:
    """Pending serial numbers, and how often they have called."""
    with reading() as session:
        return [(each.serial_number, each.contacts) for each in pending.all_pending(session)]


def accept(serial_number: str = SN, name: str = "Main entrance", *, push_key: str = "") -> Terminal:
    with transaction() as session:
        return pending.accept(session, serial_number, NewTerminal(name, ZONE), push_key=push_key, change=change())


def stamps() -> dict[str, str]:
    with reading() as session:
        return {each.content: each.stamp for each in session.scalars(select(PushStamp))}


@pytest.mark.both_databases
def test_every_punch_is_stored_once_whatever_is_sent_again(device: PushingTerminal) -> None:
    device.punch(*lines(250))
    assert device.introduce()
    device.faults.loses_answers = 3
    assert device.push_until_acknowledged() == 4
    expected = [line.split("\t") for line in lines(250)]
    assert [(each.user_id, str(each.terminal_time), each.punch_state, each.status) for each in punches()] == [
        (user_id, time, int(button), int(verified)) for user_id, time, button, verified, *_rest in expected
    ]
    assert {(each.source, each.uid, each.timezone, each.work_code) for each in punches()} == {("push", None, ZONE, "0")}
    device.faults.resets_stamps = True
    device.punch(*lines(5, first=250))
    assert device.introduce()
    assert device.push_until_acknowledged() == 1
    assert len(punches()) == 255
    assert device.answers[-1].text == "OK: 55"
    assert (stamps()["ATTLOG"], device.answers[-1].headers.get("Set-Cookie")) == ("255", None)


@pytest.mark.both_databases
def test_one_terminal_that_pushes_from_several_connections_and_is_polled_doubles_nothing(device: PushingTerminal, pushed: Flask) -> None:
    log = [*lines(40)]
    devices = [PushingTerminal(by_client(pushed.test_client()), SN, log=log, batch=40) for _ in range(4)]
    with ThreadPoolExecutor(len(devices)) as pool:
        assert all(pool.map(lambda each: each.push(), devices))
    with transaction() as session:
        session.execute(update(Terminal).values(address="10.0.0.50"))
    polled = [record(user_id, time) for user_id, time, *_rest in (line.split("\t") for line in lines(41))]
    info = replace(INFO, serial_number=SN)
    assert HandMade(log=polled, info=info).poller().poll(1).new_punches == 1
    assert [(each.user_id, str(each.terminal_time)) for each in punches()] == [(each.user_id, str(each.time)) for each in polled]


def test_a_terminal_is_told_what_to_send_and_what_time_it_is(device: PushingTerminal) -> None:
    assert device.introduce()
    text = device.answers[-1].text
    assert text.startswith(f"GET OPTION FROM: {SN}\nATTLOGStamp=0\nOPERLOGStamp=0\nStamp=0\nOpStamp=0\nErrorDelay=30\nDelay=10\n")
    assert text.endswith("\n")
    assert (device.options["TransFlag"], device.options["Encrypt"], device.options["Realtime"]) == (
        "TransData AttLog\tOpLog\tEnrollUser\tChgUser",
        "0",
        "1",
    )
    assert device.answers[-1].headers["Content-Type"].startswith("text/plain")
    now = datetime.now(UTC)
    assert device.clock is not None
    local = now.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
    assert abs((device.clock - local).total_seconds()) < 10
    device.version = None
    assert device.introduce()
    assert device.options["TransFlag"] == "1100101000"


def test_a_terminal_continues_after_the_last_stored_upload(device: PushingTerminal) -> None:
    device.punch(*lines(30))
    device.operations = ["USER PIN=17\tName=Ada\tPasswd=4711\tCard=815"]
    assert device.introduce()
    assert device.push()
    assert device.introduce()
    assert (device.options["ATTLOGStamp"], device.options["OPERLOGStamp"], device.options["Stamp"]) == ("30", "1", "30")
    for stamp in ("1\nEncrypt=1", "x" * 61, "", "<b>"):
        assert device.upload("ATTLOG", [b"17\t2026-03-02 08:00:00\t0\t1"], stamp=stamp)
    assert stamps()["ATTLOG"] == "30"


def test_the_rest_of_the_protocol(device: PushingTerminal) -> None:
    def answers(method: str, path: str, text: str) -> None:
        for suffix in ("", ".aspx"):
            answer = device.call(method, f"/iclock/{path}{suffix}", {"SN": SN}, b"", {})
            assert (answer.status, answer.text) == (200, text)

    check_all([("GET", "getrequest", "OK"), ("GET", "ping", "OK"), ("POST", "devicecmd", "OK"), ("GET", "cdata", "OK")], answers)
    device.faults.suffix = ".aspx"
    device.punch(*lines(3))
    assert (device.introduce(), device.push(), len(punches())) == (True, True, 3)


def test_a_terminal_is_asked_again_when_its_zone_has_changed_its_offset(device: PushingTerminal) -> None:
    assert device.introduce()
    assert device.get_request() == "OK"
    with transaction() as session:
        session.execute(
            update(PushStamp).where(PushStamp.content == "TimeZone").values(stamp="-9", received_at=datetime(2026, 1, 1, tzinfo=UTC))
        )
    device.options = {}
    assert device.get_request().endswith(":CHECK")
    assert int(device.options["TimeZone"]) in (-5, -6)
    assert device.get_request() == "OK"


def test_what_does_not_parse_is_kept_and_acknowledged(device: PushingTerminal) -> None:
    damaged = [b"17\t2026-02-31 08:00:00\t0\t1", b"\x00\xff rubbish", b"17\t9999-12-31 23:59:59\t0\t1"]
    for _again in range(2):
        assert device.upload("ATTLOG", [b"17\t2026-03-02 08:00:00\t0\t1", *damaged], stamp="4")
        assert device.answers[-1].text == "OK: 4"
    with reading() as session:
        found = session.execute(select(QuarantinedRecord.raw, QuarantinedRecord.position, QuarantinedRecord.source)).all()
        assert sorted(map(tuple, found)) == sorted((line, -1, "push") for line in damaged)
    assert shown(punches()) == [("17", "2026-03-02 08:00:00", 1)]


def test_names_come_with_operations_and_secrets_stay_out(device: PushingTerminal) -> None:
    rubbish = [b"FP PIN=17\tTMP=Z2VoZWlt", b"\xff\x00", b"USER", b"OPLOG 4\t0", b"USER PIN=18\tName=Grace\tPasswd=4712\tCard=816"]
    assert device.upload("OPERLOG", [b"USER PIN=17\tName=Ada\tPasswd=4711\tCard=815", *rubbish], stamp="6")
    assert device.upload("operlog", [b"USER PIN=17\tName=Ada L."], stamp="7")
    for table in ("ATTPHOTO", "BIODATA", "options", "", "NoSuchTable", "x" * 5_000):
        assert device.upload(table, [b"PIN=17.jpg\x00\xff\xd8geheim"], stamp="8")
    assert device.upload("rtlog", [b"time=2026-03-02 08:00:00\tpin=17"], stamp="8")
    with reading() as session:
        found = session.scalars(select(TerminalUserRow).order_by(TerminalUserRow.user_id)).all()
        assert [(each.user_id, each.name, each.removed_at) for each in found] == [("17", "Ada L.", None), ("18", "Grace", None)]
        assert session.scalars(select(QuarantinedRecord.raw)).all() == [b"time=2026-03-02 08:00:00\tpin=17"]
    assert (stamps()["OPERLOG"], "ATTLOG" in stamps(), punches()) == ("7", False, [])


def test_bodies_may_be_compressed_but_not_large_or_cut(device: PushingTerminal) -> None:
    device.punch(*lines(20))
    device.faults = PushFaults(compresses=True, ends_with=b"\r\n\0")
    assert (device.push(), len(punches())) == (True, 20)

    def is_refused(body: bytes, headers: dict[str, str], status: int) -> None:
        answer = device.call("POST", "/iclock/cdata", {"SN": SN, "table": "ATTLOG", "Stamp": "99"}, body, headers)
        assert (answer.status, "OK" in answer.text) == (status, False)

    line = next(lines(1, first=500)).encode() + b"\n"
    packed = gzip.compress(line * 100)
    gzipped = {"Content-Encoding": "gzip"}
    check_all(
        [
            (line * 250_000, {}, 413),
            (gzip.compress(line * 250_000), gzipped, 413),
            (packed[:-10], gzipped, 400),
            (packed + b"more", gzipped, 400),
            (line, gzipped, 400),
            (line, {"Content-Encoding": "br"}, 415),
            (b"--x\r\n\r\n--x--", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ],
        is_refused,
    )
    assert (len(punches()), stamps()["ATTLOG"]) == (20, "20")


@pytest.mark.both_databases
def test_unknown_terminals_wait_and_lose_nothing(pushed: Flask) -> None:
    stranger = PushingTerminal(by_client(pushed.test_client()), "STRANGER1")
    stranger.punch(*lines(3))
    assert (stranger.introduce(), stranger.push(), stranger.get_request()) == (False, False, stranger.answers[-1].text)
    assert {(each.status, "OK" in each.text) for each in stranger.answers} == {(403, False)}
    assert waiting() == [("STRANGER1", 1)]  # once a minute
    accept("STRANGER1")
    assert (waiting(), stranger.introduce(), stranger.push()) == ([], True, True)
    assert len(punches()) == 3


def test_a_terminal_that_is_stopped_or_disabled_keeps_its_data(device: PushingTerminal) -> None:
    device.punch(*lines(3))
    with transaction() as session:
        session.execute(update(Terminal).values(enabled=False))
    assert (device.introduce(), device.push(), waiting()) == (False, False, [])
    with transaction() as session:
        session.execute(update(Terminal).values(enabled=True))
        pending.stop(session, 1, change())
    assert (device.introduce(), device.push(), waiting()) == (False, False, [(SN, 1)])
    with transaction() as session:
        assert pending.join(session, SN, 1, push_key="", change=change()).id == 1
    assert (device.introduce(), device.push(), len(punches(1))) == (True, True, 3)


def test_a_key_is_proven_at_each_introduction(pushed: Flask) -> None:
    client = pushed.test_client()
    device, elsewhere = PushingTerminal(by_client(client), SN), PushingTerminal(by_client(client, "192.0.2.7"), SN)
    device.introduce()
    accept(push_key="s3cret")
    with reading() as session:
        assert "s3cret" not in str(session.scalars(select(Terminal.push_key_cipher)).one())
    device.punch(*lines(3))
    for device.key in (None, "", "wrong", "s3cre", "s3cret ", "s3cret\0", "ß"):
        assert (device.introduce(), device.push()) == (False, False)
        assert device.answers[-1].status == 403
    device.key = "s3cret"
    assert (device.introduce(), device.push()) == (True, True)
    elsewhere.log = [*device.log, *lines(3, first=100)]
    assert (elsewhere.introduce(), elsewhere.push(), len(punches())) == (False, False, 3)
    elsewhere.key = "s3cret"
    assert (elsewhere.introduce(), elsewhere.push(), len(punches())) == (True, True, 6)


def test_nothing_is_there_unless_pushing_is_enabled(inside: Flask) -> None:
    device = PushingTerminal(by_client(inside.test_client()), SN, log=[*lines(1)])
    assert (device.introduce(), device.push(), [each.status for each in device.answers]) == (False, False, [404, 404])
    assert waiting() == []


def test_terminals_push_only_from_allowed_networks(pushed: Flask) -> None:
    allow_pushing(pushed, "10.0.0.0/8", "fd00::/8")

    def is_answered(address: str, status: int) -> None:
        device = PushingTerminal(by_client(pushed.test_client(), address), f"SN{status}")
        assert (device.introduce(), device.answers[-1].json()["code"]) == (False, "push_refused" if status == 1 else "terminal_pending")

    check_all([("192.0.2.1", 1), ("::1", 1), ("", 1), ("10.1.2.3", 2), ("::ffff:10.1.2.3", 2), ("fd00::5", 2)], is_answered)
    assert waiting() == [("SN2", 1)]


def test_strangers_cannot_fill_the_list(pushed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST_PER_ADDRESS", 3)
    monkeypatch.setattr(pending, "MOST", 5)
    client = pushed.test_client()
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        for number in range(5):
            assert not PushingTerminal(by_client(client, address), f"SN{address[-1]}{number}").introduce()
    for serial_number in ("", "a b", "<b>", "x" * 65, "\0"):
        device = PushingTerminal(by_client(client), serial_number)
        assert (device.introduce(), device.answers[-1].status) == (False, 400)
    assert sorted(name for name, _contacts in waiting()) == ["SN10", "SN11", "SN12", "SN20", "SN21"]


def test_pushing_is_not_a_sign_in(device: PushingTerminal, pushed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie, a token and a CSRF token mean nothing there, and contacts are not recorded each time."""
    recorded: list[str] = []
    record: Callable[..., None] = contacts.record
    monkeypatch.setattr(contacts, "record", lambda terminal, contact: (recorded.append(contact.address), record(terminal, contact)))
    for _again in range(5):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "rtutils=wrong"}):
            assert device.call("GET", "/iclock/getrequest", {"SN": SN}, b"", headers).text == "OK"
    assert recorded == ["127.0.0.1"]
    found = terminal(1)
    assert (found.push_address, found.last_contact_at) == ("127.0.0.1", found.last_push_at)
