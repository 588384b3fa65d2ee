"""Tags of legacy devices are never assigned again."""

from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import adoption, sequence, service
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence, TagState
from tests.services.legacy import NOW, LegacyFile, import_legacy, only
from tests.services.school import ADA


def reserve(app: Flask) -> str:
    """Reserves the next tag."""
    with app.app_context(), transaction() as session:
        return service.reserve(session, "W12-", actor=ADA, now=NOW).tag


def tag(app: Flask, text: str) -> Tag:
    found: Tag = only(app, Tag, lambda each: each.tag == text)
    return found


def with_assets(file: LegacyFile) -> LegacyFile:
    file.run("ALTER TABLE device_info ADD COLUMN asset_id")
    return file


def test_the_sequence_continues_behind_them(app: Flask, documented: LegacyFile) -> None:
    documented.device("W12-0041")
    documented.device("W12-0007")
    import_legacy(app, documented)
    assert reserve(app) == "W12-0042"


def test_a_reset_skips_them(app: Flask, documented: LegacyFile) -> None:
    documented.device("W12-0002")
    import_legacy(app, documented)
    with app.app_context(), transaction() as session:
        sequence.reset(session, "W12-", number=1, reason=None, actor=ADA, now=NOW)
    assert [reserve(app), reserve(app)] == ["W12-0001", "W12-0003"]


def test_a_released_tag_is_not_assigned_again(app: Flask, documented: LegacyFile) -> None:
    assert reserve(app) == "W12-0001"
    with app.app_context(), transaction() as session:
        session.execute(update(Tag).values(state=TagState.RELEASED, due_at=None))
    documented.device("W12-0001")
    import_legacy(app, documented)
    assert tag(app, "W12-0001").is_retired
    assert reserve(app) == "W12-0002"


def test_without_an_asset_they_are_locked(app: Flask, documented: LegacyFile) -> None:
    documented.device("W12-0041")
    import_legacy(app, documented)
    imported = tag(app, "W12-0041")
    assert (imported.is_retired, imported.problem, imported.due_at) == (True, None, None)
    with app.app_context(), reading() as session:
        event = session.scalars(select(TagEvent).where(TagEvent.tag == "W12-0041")).one()
    assert (event.action, event.actor) == ("kept", "command line")


def test_with_an_asset_they_are_assigned_with_a_problem(app: Flask, documented: LegacyFile) -> None:
    with_assets(documented).device("W12-0041", asset_id=123)
    import_legacy(app, documented)
    assigned = tag(app, "W12-0041")
    assert (assigned.state, assigned.asset_id, assigned.due_at) == (TagState.ASSIGNED, 123, None)
    assert "but no asset has this name" in str(assigned.problem)


def test_assigned_tags_stay_assigned(app: Flask, documented: LegacyFile) -> None:
    with app.app_context():
        given = service.on_asset_created(transaction, asset_id=5, asset_name="laptop", prefix="W12-", now=NOW)
    assert given is not None
    with_assets(documented).device(given.tag, asset_id=6)
    documented.device("W12-0041", asset_id=5)
    import_legacy(app, documented)
    assert tag(app, given.tag).asset_id == 5
    assert tag(app, "W12-0041").is_retired, "its asset has another tag"


def test_other_names_only_count_if_they_contain_a_number_of_the_sequence(app: Flask, documented: LegacyFile) -> None:
    for name in ("LAPTOP-3", "W12-", "W12-x", "W12-00009"):
        documented.device(name)
    import_legacy(app, documented)
    assert reserve(app) == "W12-0010"


def test_tags_that_only_occur_in_the_history_are_locked_too(app: Flask, documented: LegacyFile) -> None:
    documented.log("W12-0030", student_id="1", action="check_in", timestamp="2025-06-10 10:00:00")
    import_legacy(app, documented)
    assert tag(app, "W12-0030").is_retired
    assert reserve(app) == "W12-0031"


def test_a_dry_run_locks_no_tags(app: Flask, documented: LegacyFile) -> None:
    documented.device("W12-0041")
    documented.log("W12-0050", student_id="1", action="check_in", timestamp="2025-06-10 10:00:00")
    import_legacy(app, documented, dry_run=True)
    assert reserve(app) == "W12-0001"


def test_each_prefix_has_its_own_sequence(app: Flask, documented: LegacyFile) -> None:
    with app.app_context(), transaction() as session:
        sequence.create_if_missing(session, "LAB-", now=NOW)
    documented.device("LAB-0009")
    import_legacy(app, documented)
    assert reserve(app) == "W12-0001"
    assert only(app, TagSequence, lambda each: each.prefix == "LAB-").next_number == 10


def continue_from(app: Flask, number: Any) -> str:
    with app.app_context(), transaction() as session:
        return str(adoption.continue_sequence(session, "W12-", number, actor=of_command(), now=datetime.now(UTC)))


def test_a_sequence_only_moves_forward(app: Flask) -> None:
    assert (continue_from(app, 42), continue_from(app, 7), reserve(app)) == ("W12-0042", "W12-0042", "W12-0042")
    with app.app_context(), reading() as session:
        (moved,) = session.scalars(select(TagEvent).where(TagEvent.action == "reset"))
    assert (moved.old_name, moved.new_name, moved.reason) == ("W12-0001", "W12-0042", "sequence file of the legacy installation")
