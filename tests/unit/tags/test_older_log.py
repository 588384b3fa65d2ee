"""Taking over an older installation's log."""

import itertools
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import adoption, confirmation, older_log, older_report, prefixes, sequence, service
from request_tracker_utils.tags.errors import TagTaken
from request_tracker_utils.tags.models import OlderRecord, Tag, TagEvent, TagSequence, TagState
from tests.services.asset_stores import FailingAssetStore
from tests.unit.tags.conftest import ADA, NOW

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    return FailingAssetStore()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "asset_tag_confirmations.log"


def line(tag: str, asset_id: object, at: str = "2025-10-08T12:00:00.123456") -> str:
    return f"{at} - Asset Tag: {tag}, Request Tracker ID: {asset_id}\n"


def adopt(asset_store: FailingAssetStore, log: Path, make_transaction: Callable[..., object] = transaction) -> int:
    return adoption.adopt(make_transaction, asset_store, prefix="W12-", file=None, log=log, zone=CHICAGO, actor=ADA, now=NOW)  # type: ignore[arg-type]


def report() -> dict[str, object]:
    with reading() as session:
        return older_log.records(session)[0].report


def tag(text: str) -> Tag:
    with reading() as session:
        return session.scalars(select(Tag).where(Tag.tag == text)).one()


def next_tag() -> str:
    with reading() as session:
        return str(sequence.preview(session, "W12-"))


def everything() -> list[object]:
    """What stands in the tables, without times of this run and ids."""
    with reading() as session:
        tags = session.execute(select(Tag.tag, Tag.state, Tag.asset_id, Tag.printed_at, Tag.problem, Tag.due_at).order_by(Tag.tag)).all()
        events = session.execute(
            select(TagEvent.at, TagEvent.actor, TagEvent.action, TagEvent.tag, TagEvent.asset_id).order_by(TagEvent.at, TagEvent.tag)
        ).all()
        next_numbers = session.execute(select(TagSequence.prefix, TagSequence.next_number)).all()
        reports = session.scalars(select(OlderRecord.report)).all()
    return [sorted(map(str, rows)) for rows in (tags, events, next_numbers, reports)]


def test_each_line_is_on_the_trail_with_its_own_time(asset_store: FailingAssetStore, log: Path) -> None:
    held = asset_store.asset("W12-0001")
    log.write_text(line("W12-0001", held))
    adopt(asset_store, log)
    with reading() as session:
        (event,) = session.scalars(select(TagEvent).where(TagEvent.action == "logged"))
    assert (event.actor, event.tag, event.asset_id) == ("older installation", "W12-0001", held)
    assert event.at == datetime(2025, 10, 8, 17, 0, 0, 123456, tzinfo=UTC)
    assert (report()["lines"], report()["known"], next_tag()) == (1, 1, "W12-0002")


def test_a_tag_that_the_directory_does_not_know_is_the_logs_assets(asset_store: FailingAssetStore, log: Path) -> None:
    asset_id = asset_store.asset("renamed since")
    log.write_text(line("W12-0077", asset_id))
    adopt(asset_store, log)
    row = tag("W12-0077")
    assert (row.state, row.asset_id, row.due_at) == (TagState.ASSIGNED, asset_id, None)
    assert row.printed_at == datetime(2025, 10, 8, 17, 0, 0, 123456, tzinfo=UTC)
    assert row.problem == f"The older log gave it to asset {asset_id} on 2025-10-08; the directory does not know it."
    assert (report()["given"], next_tag()) == (1, "W12-0078")
    assert confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: NOW) == 0


def test_an_asset_that_has_another_tag_keeps_it_and_the_number_is_never_given_again(asset_store: FailingAssetStore, log: Path) -> None:
    asset_id = asset_store.asset("W12-0005")
    log.write_text(line("W12-0002", asset_id))
    adopt(asset_store, log)
    row = tag("W12-0002")
    assert (row.state, row.asset_id, row.due_at, row.printed_at is not None) == (TagState.RESERVED, None, None, True)
    assert "which has W12-0005 now: it is not given again" in str(row.problem)
    assert report()["kept"] == 1
    with pytest.raises(TagTaken, match=r"not free: The older log gave it to asset \d+ on .* not given again\.$"):
        service.confirm_by_hand(transaction, asset_store, text="W12-0002", asset_id=asset_id + 1, actor=ADA, now=NOW)
    with transaction() as session:
        session.execute(update(TagSequence).values(next_number=1))
        given = [service.reserve(session, "W12-", actor=ADA, now=NOW).tag for _ in range(3)]
    assert given == ["W12-0001", "W12-0003", "W12-0004"]


def test_of_two_assets_with_one_tag_the_first_has_it_and_the_other_is_named(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text(line("W12-0001", 5) + line("W12-0001", 9, "2025-10-09T12:00:00"))
    adopt(asset_store, log)
    assert tag("W12-0001").asset_id == 5
    assert report()["contradictions"] == ["2: W12-0001 for asset 9, but asset 5 has it"]
    with reading() as session:
        assert session.scalars(select(TagEvent.asset_id).where(TagEvent.action == "logged").order_by(TagEvent.id)).all() == [5, 9]


def test_the_directory_is_believed_before_the_log(asset_store: FailingAssetStore, log: Path) -> None:
    held = asset_store.asset("W12-0001")
    log.write_text(line("W12-0001", held + 50))
    adopt(asset_store, log)
    row = tag("W12-0001")
    assert (row.asset_id, row.problem, row.printed_at is not None) == (held, None, True)
    assert report()["contradicted"] == 1


def test_a_released_tag_that_the_log_gave_is_given_to_nobody_else(asset_store: FailingAssetStore, log: Path) -> None:
    with transaction() as session:
        session.add(Tag(tag="W12-0003", prefix="W12-", number=3, state=TagState.RELEASED, changed_at=NOW))
    log.write_text(line("W12-0003", 5))
    adopt(asset_store, log)
    assert (tag("W12-0003").state, tag("W12-0003").asset_id) == (TagState.ASSIGNED, 5)


def test_twice_changes_nothing_and_a_log_that_grew_adds_what_is_new(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text(line("W12-0001", 1) + line("W12-0002", 2) + line("W12-0001", 1))
    assert adopt(asset_store, log) == 2
    before = everything()
    assert adopt(asset_store, log) == 0
    assert everything() == before
    copy = log.with_name("copy.log")
    copy.write_bytes(log.read_bytes())
    assert adopt(asset_store, copy) == 0
    with log.open("a") as stream:
        stream.write(line("W12-0003", 3))
    assert adopt(asset_store, log) == 1
    with reading() as session:
        assert len(session.scalars(select(TagEvent.id).where(TagEvent.action == "logged")).all()) == 3
        assert len(older_log.records(session)) == 2


@pytest.mark.parametrize("kill_at", [None, 2, 3, 5, 6, 7, 8])
def test_killed_in_the_middle_and_run_again_it_comes_to_the_same_end(
    asset_store: FailingAssetStore, log: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int | None
) -> None:
    monkeypatch.setattr(older_log, "CHUNK", 4)
    first, *ids = [asset_store.asset(f"W12-{number:04d}" if number % 3 else "no tag") for number in range(1, 9)]
    lines = [line(f"W12-{number:04d}", asset_id) for number, asset_id in enumerate([first, *ids], start=1)]
    log.write_text("".join([*lines, line("W12-0003", first), "nonsense\n", line("W12-0050", first), line("OLD-1", 3)]))
    opened = itertools.count(1)

    @contextmanager
    def mortal():  # type: ignore[no-untyped-def]
        with transaction() as session:
            yield session
            if next(opened) == kill_at:
                raise KeyboardInterrupt

    if kill_at is not None:
        with pytest.raises(KeyboardInterrupt):
            adopt(asset_store, log, mortal)
    adopt(asset_store, log)
    with reading() as session:
        logged = [tuple(row) for row in session.execute(select(TagEvent.tag, TagEvent.asset_id).where(TagEvent.action == "logged"))]
        tags = session.scalars(select(Tag).order_by(Tag.number)).all()
    numbered = [(f"W12-{number:04d}", asset_id) for number, asset_id in enumerate([first, *ids], start=1)]
    assert sorted(logged) == sorted([*numbered, ("W12-0003", first), ("W12-0050", first)]), "each line once, however often it was read"
    assert [(each.tag, each.asset_id, each.printed_at is not None) for each in tags] == [
        *((text, asset_id, True) for text, asset_id in numbered),
        ("W12-0050", None, True),
    ]
    assert next_tag() == "W12-0051"
    assert report() == {
        "lines": 12,
        "known": 6,
        "given": 2,
        "kept": 1,
        "contradicted": 1,
        "contradictions": [f"9: W12-0003 for asset {first}, but asset {ids[1]} has it"],
        "unread": 1,
        "unread_lines": ["10: the line looks like no line of this log"],
        "unknown_prefixes": {"OLD-": 1},
    }


@pytest.mark.parametrize(
    ("content", "lines", "unread", "given"),
    [
        (b"", 0, 0, 0),
        (b"\r\n\r\n  \n", 0, 0, 0),
        (b"\xef\xbb\xbf" + line("W12-0001", 5).encode(), 1, 0, 1),
        (line("W12-0001", 5).replace("\n", "\r\n").encode() * 2, 2, 0, 1),
        (line("W12-0001", 5).rstrip().encode(), 1, 0, 1),
        (("\ufeff" + line("W12-0001", 5)).encode("utf-16-le"), 1, 0, 1),
        (b"\xff\xfe\x00", 1, 1, 0),
        (b"caf\xe9\n" + line("W12-0001", 5).encode(), 2, 1, 1),
        (bytes(range(256)) * 4, 4, 4, 0),
        (b"x" * 5_000, 5, 5, 0),
    ],
)
def test_ends_of_lines_encodings_and_rubbish_do_not_stop_it(
    asset_store: FailingAssetStore, log: Path, content: bytes, lines: int, unread: int, given: int
) -> None:
    log.write_bytes(content)
    adopt(asset_store, log)
    found = report()
    assert found["given"] == given
    if content[:1] != b"\0":
        assert (found["lines"], found["unread"]) == (lines, unread)
    assert next_tag() == f"W12-{given + 1:04d}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (line("W12-0001", 0), "no asset can have this number"),
        (line("W12-0001", 2**31), "no asset can have this number"),
        (line("W12-0001", "x"), "the line looks like no line of this log"),
        (line("W12-0001", 5, "yesterday"), "the time cannot be read"),
        (line("W12-0001", 5, "0001-01-01T00:00:00+23:00"), "the time cannot be read"),
        (line("W12-", 5), "the tag is not spelt like a tag"),
        (line("12", 5), "the tag is not spelt like a tag"),
        (line("W12-00077", 5), "the tag is not spelt like a tag"),
        ("hello\n", "the line looks like no line of this log"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(asset_store: FailingAssetStore, log: Path, text: str, problem: str) -> None:
    log.write_text("\n" + text)
    adopt(asset_store, log)
    assert report()["unread_lines"] == [f"2: {problem}"]
    assert next_tag() == ("W12-0078" if "00077" in text else "W12-0001")


def test_at_most_fifty_lines_are_named_and_the_others_counted(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text("rubbish\n" * 120)
    adopt(asset_store, log)
    assert (report()["unread"], len(report()["unread_lines"])) == (120, 50)  # type: ignore[arg-type]
    assert older_report.sentences(report()) == [
        "120 lines were read; 0 say what the directory says.",
        "Lines that could not be read: 120.",
    ]


def test_an_unknown_prefix_is_named_and_taken_over_when_it_is_made(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text(line("LAB-0007", 5) + line("LAB-0008", 6))
    adopt(asset_store, log)
    assert report()["unknown_prefixes"] == {"LAB-": 2}
    assert "LAB-, which is unknown here: 2" in older_report.sentences(report())[1]
    with reading() as session:
        assert not session.scalars(select(Tag)).all()
    with transaction() as session:
        prefixes.add(session, "LAB-", actor=ADA, now=NOW)
    adopt(asset_store, log)
    assert (tag("LAB-0007").asset_id, report()["unknown_prefixes"]) == (5, {})
    with reading() as session:
        assert str(sequence.preview(session, "LAB-")) == "LAB-0009"


def test_a_log_that_is_named_and_cannot_be_read_is_said_with_its_setting(asset_store: FailingAssetStore, log: Path) -> None:
    for file in (log, log.parent):
        with pytest.raises(Invalid, match="ASSET_TAG_CONFIRMATIONS_LOG"):
            adopt(asset_store, file)


def test_without_its_setting_it_is_looked_for_beside_the_sequence_file(tmp_path: Path) -> None:
    file = tmp_path / "asset_tag_sequence.txt"
    assert older_log.log_file(None, file) is None
    log = tmp_path / "asset_tag_confirmations.log"
    log.touch()
    assert older_log.log_file(None, file) == log
    assert older_log.log_file(None, None) is None
    assert older_log.log_file(tmp_path / "other.log", file) == tmp_path / "other.log"
