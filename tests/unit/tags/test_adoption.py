"""Importing the log of a legacy installation."""

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
from request_tracker_utils.tags import adoption, confirmation, legacy_log, prefixes, service
from request_tracker_utils.tags.errors import TagTaken
from request_tracker_utils.tags.models import LegacyLogImport, Tag, TagEvent, TagSequence, TagState
from tests.services.asset_stores import FailingAssetStore
from tests.services.tables import check_all
from tests.unit.tags.conftest import ADA, NOW, preview, tag

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    """The sequence is not ready."""
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
        return adoption.log_imports(session)[0].report


def everything() -> list[object]:
    """The content of the tables, without ids and times of this run."""
    with reading() as session:
        tags = session.execute(select(Tag.tag, Tag.state, Tag.asset_id, Tag.printed_at, Tag.problem, Tag.due_at).order_by(Tag.tag)).all()
        events = session.execute(
            select(TagEvent.at, TagEvent.actor, TagEvent.action, TagEvent.tag, TagEvent.asset_id).order_by(TagEvent.at, TagEvent.tag)
        ).all()
        next_numbers = session.execute(select(TagSequence.prefix, TagSequence.next_number)).all()
        reports = session.scalars(select(LegacyLogImport.report)).all()
    return [sorted(map(str, rows)) for rows in (tags, events, next_numbers, reports)]


def test_each_line_is_in_the_audit_log_with_its_own_time(asset_store: FailingAssetStore, log: Path) -> None:
    held = asset_store.asset("W12-0001")
    log.write_text(line("W12-0001", held))
    adopt(asset_store, log)
    with reading() as session:
        (event,) = session.scalars(select(TagEvent).where(TagEvent.action == "logged"))
    assert (event.actor, event.tag, event.asset_id) == ("legacy installation", "W12-0001", held)
    assert event.at == datetime(2025, 10, 8, 17, 0, 0, 123456, tzinfo=UTC)
    assert (report()["lines"], report()["known"], preview()) == (1, 1, "W12-0002")


def test_a_tag_that_no_asset_is_named_after_is_assigned_to_the_logs_asset(asset_store: FailingAssetStore, log: Path) -> None:
    asset_id = asset_store.asset("renamed since")
    log.write_text(line("W12-0077", asset_id))
    adopt(asset_store, log)
    row = tag("W12-0077")
    assert (row.state, row.asset_id, row.due_at) == (TagState.ASSIGNED, asset_id, None)
    assert row.printed_at == datetime(2025, 10, 8, 17, 0, 0, 123456, tzinfo=UTC)
    assert row.problem == f"The legacy log assigned it to asset {asset_id} on 2025-10-08, but no asset has this name."
    assert (report()["given"], preview()) == (1, "W12-0078")
    assert confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: NOW) == 0


def test_the_tag_of_an_asset_with_another_one_is_retired(asset_store: FailingAssetStore, log: Path) -> None:
    asset_id = asset_store.asset("W12-0005")
    log.write_text(line("W12-0002", asset_id))
    adopt(asset_store, log)
    row = tag("W12-0002")
    assert (row.state, row.asset_id, row.due_at, row.printed_at is not None) == (TagState.RESERVED, None, None, True)
    assert "which now has W12-0005. It is not assigned again." in str(row.problem)
    assert report()["kept"] == 1
    with pytest.raises(TagTaken, match=r"not available: The legacy log assigned it to asset \d+ on .* not assigned again\.$"):
        service.assign_manually(transaction, asset_store, text="W12-0002", asset_id=asset_id + 1, actor=ADA, now=NOW)
    with transaction() as session:
        session.execute(update(TagSequence).values(next_number=1))
        given = [service.reserve(session, "W12-", actor=ADA, now=NOW).tag for _ in range(3)]
    assert given == ["W12-0001", "W12-0003", "W12-0004"]


def test_the_first_of_two_assets_with_the_same_tag_gets_it_and_the_other_is_reported(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text(line("W12-0001", 5) + line("W12-0001", 9, "2025-10-09T12:00:00"))
    adopt(asset_store, log)
    assert tag("W12-0001").asset_id == 5
    assert report()["contradictions"] == ["2: W12-0001 for asset 9, but asset 5 has it"]
    with reading() as session:
        assert session.scalars(select(TagEvent.asset_id).where(TagEvent.action == "logged").order_by(TagEvent.id)).all() == [5, 9]


def test_the_asset_store_takes_precedence_over_the_log(asset_store: FailingAssetStore, log: Path) -> None:
    held = asset_store.asset("W12-0001")
    log.write_text(line("W12-0001", held + 50))
    adopt(asset_store, log)
    row = tag("W12-0001")
    assert (row.asset_id, row.problem, row.printed_at is not None) == (held, None, True)
    assert report()["contradicted"] == 1


def test_a_released_tag_in_the_log_is_assigned_to_its_asset(asset_store: FailingAssetStore, log: Path) -> None:
    with transaction() as session:
        session.add(Tag(tag="W12-0003", prefix="W12-", number=3, state=TagState.RELEASED, changed_at=NOW))
    log.write_text(line("W12-0003", 5))
    adopt(asset_store, log)
    assert (tag("W12-0003").state, tag("W12-0003").asset_id) == (TagState.ASSIGNED, 5)


def test_repeating_the_import_changes_nothing_and_a_log_that_has_grown_adds_what_is_new(asset_store: FailingAssetStore, log: Path) -> None:
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
        assert len(adoption.log_imports(session)) == 2


def test_an_import_that_is_interrupted_repeatedly_has_the_same_result(
    asset_store: FailingAssetStore, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "CHUNK", 4)
    first, *ids = [asset_store.asset(f"W12-{number:04d}" if number % 3 else "no tag") for number in range(1, 9)]
    lines = [line(f"W12-{number:04d}", asset_id) for number, asset_id in enumerate([first, *ids], start=1)]
    log.write_text("".join([*lines, line("W12-0003", first), "nonsense\n", line("W12-0050", first), line("OLD-1", 3)]))

    def interrupted_in(nth: int) -> Callable[[], object]:
        opened = itertools.count(1)

        @contextmanager
        def make_transaction():  # type: ignore[no-untyped-def]
            with transaction() as session:
                yield session
                if next(opened) == nth:
                    raise KeyboardInterrupt

        return make_transaction

    for nth in (2, 3, 5, 6, 7, 8):
        with pytest.raises(KeyboardInterrupt):
            adopt(asset_store, log, interrupted_in(nth))
    adopt(asset_store, log)
    with reading() as session:
        logged = [tuple(row) for row in session.execute(select(TagEvent.tag, TagEvent.asset_id).where(TagEvent.action == "logged"))]
        tags = session.scalars(select(Tag).order_by(Tag.number)).all()
    numbered = [(f"W12-{number:04d}", asset_id) for number, asset_id in enumerate([first, *ids], start=1)]
    assert sorted(logged) == sorted([*numbered, ("W12-0003", first), ("W12-0050", first)]), "each line once, even if it was read twice"
    assert [(each.tag, each.asset_id, each.printed_at is not None) for each in tags] == [
        *((text, asset_id, True) for text, asset_id in numbered),
        ("W12-0050", None, True),
    ]
    assert preview() == "W12-0051"
    assert report() == {
        "lines": 12,
        "known": 6,
        "given": 2,
        "kept": 1,
        "contradicted": 1,
        "contradictions": [f"9: W12-0003 for asset {first}, but asset {ids[1]} has it"],
        "unread": 1,
        "unread_lines": ["10: the line has the wrong format"],
        "unknown_prefixes": {"OLD-": 1},
    }


def test_any_encoding_and_line_end_can_be_read(asset_store: FailingAssetStore, log: Path) -> None:
    def check(content: bytes, unreadable: int | None, assignments: int) -> None:
        log.write_bytes(content)
        found = [legacy_log.match_prefix(each, ["W12-"]) for each in legacy_log.read(log, CHICAGO)]
        assert sum(isinstance(each, legacy_log.Assignment) for each in found) == assignments
        assert unreadable is None or len(found) - assignments == unreadable

    one = line("W12-0001", 5)
    check_all(
        [
            (b"", 0, 0),
            (b"\r\n\r\n  \n", 0, 0),
            (b"\xef\xbb\xbf" + one.encode(), 0, 1),
            (one.replace("\n", "\r\n").encode() * 2, 0, 2),
            (one.rstrip().encode(), 0, 1),
            (("\ufeff" + one).encode("utf-16-le"), 0, 1),
            (b"\xff\xfe\x00", 1, 0),
            (b"caf\xe9\n" + one.encode(), 1, 1),
            (bytes(range(256)) * 4, None, 0),
            (b"x" * 5_000, 5, 0),
        ],
        check,
    )


def test_an_empty_log_and_one_in_utf_16_are_imported(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_bytes(b"")
    adopt(asset_store, log)
    assert (report()["lines"], preview()) == (0, "W12-0001")
    log.write_bytes(("\ufeff" + line("W12-0001", 5) * 2).encode("utf-16-le") + b"\0\xd8\n\0")
    adopt(asset_store, log)
    assert (report()["lines"], report()["unread"], report()["given"], preview()) == (3, 1, 1, "W12-0002")


def test_a_line_that_cannot_be_read_is_reported_with_its_number(asset_store: FailingAssetStore, log: Path) -> None:
    rows = [
        (line("W12-0001", 0), "the asset ID is out of range"),
        (line("W12-0001", 2**31), "the asset ID is out of range"),
        (line("W12-0001", "x"), "the line has the wrong format"),
        (line("W12-0001", 5, "yesterday"), "the time is invalid"),
        (line("W12-0001", 5, "0001-01-01T00:00:00+23:00"), "the time is invalid"),
        (line("W12-", 5), "the tag has the wrong format"),
        (line("12", 5), "the tag has the wrong format"),
        (line("W12-00077", 5), "the tag has the wrong format"),
        ("hello\n", "the line has the wrong format"),
    ]
    log.write_text("\n" + "".join(text for text, _ in rows))
    adopt(asset_store, log)
    assert report()["unread_lines"] == [f"{number}: {problem}" for number, (_, problem) in enumerate(rows, start=2)]
    assert preview() == "W12-0078", "W12-00077 is not a tag, but claims a number"


def test_at_most_fifty_lines_are_listed_and_the_others_counted(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text("rubbish\n" * 120)
    adopt(asset_store, log)
    assert (report()["unread"], len(report()["unread_lines"])) == (120, 50)  # type: ignore[arg-type]
    assert legacy_log.summary(report()) == ["120 lines read, 0 of them match.", "Lines that could not be read: 120."]
    assert legacy_log.problem_lines(report())[0] == "Line 1: the line has the wrong format."


def test_lines_with_an_unknown_prefix_are_reported_and_imported_once_the_prefix_is_added(asset_store: FailingAssetStore, log: Path) -> None:
    log.write_text(line("LAB-0007", 5) + line("LAB-0008", 6))
    adopt(asset_store, log)
    assert report()["unknown_prefixes"] == {"LAB-": 2}
    assert legacy_log.summary(report())[1].startswith("2 lines have the prefix LAB-, which does not exist.")
    with reading() as session:
        assert not session.scalars(select(Tag)).all()
    with transaction() as session:
        prefixes.create(session, "LAB-", actor=ADA, now=NOW)
    adopt(asset_store, log)
    assert (tag("LAB-0007").asset_id, report()["unknown_prefixes"]) == (5, {})
    assert preview("LAB-") == "LAB-0009"


def test_a_log_that_cannot_be_read_is_an_error_that_names_the_setting(asset_store: FailingAssetStore, log: Path) -> None:
    for file in (log, log.parent):
        with pytest.raises(Invalid, match="ASSET_TAG_CONFIRMATIONS_LOG"):
            adopt(asset_store, file)


def test_without_the_setting_the_log_is_next_to_the_sequence_file(tmp_path: Path) -> None:
    file = tmp_path / "asset_tag_sequence.txt"
    assert adoption.log_file(None, file) is None
    log = tmp_path / "asset_tag_confirmations.log"
    log.touch()
    assert adoption.log_file(None, file) == log
    assert adoption.log_file(None, None) is None
    assert adoption.log_file(tmp_path / "other.log", file) == tmp_path / "other.log"
