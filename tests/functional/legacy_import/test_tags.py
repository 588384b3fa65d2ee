"""Tags that older devices wear are never given again."""

from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import legacy_tags, sequence, service
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence, TagState
from tests.services.legacy import NOW, OlderFile, only, take
from tests.services.school import ADA


def give(app: Flask) -> str:
    """The next tag, which is spent."""
    with app.app_context(), transaction() as session:
        return service.reserve(session, "W12-", actor=ADA, now=NOW).tag


def tag(app: Flask, text: str) -> Tag:
    found: Tag = only(app, Tag, lambda each: each.tag == text)
    return found


def with_assets(file: OlderFile) -> OlderFile:
    file.run("ALTER TABLE device_info ADD COLUMN asset_id")
    return file


def test_the_sequence_goes_on_behind_them(app: Flask, documented: OlderFile) -> None:
    documented.device("W12-0041")
    documented.device("W12-0007")
    take(app, documented)
    assert give(app) == "W12-0042"


def test_a_reset_does_not_give_them_either(app: Flask, documented: OlderFile) -> None:
    documented.device("W12-0002")
    take(app, documented)
    with app.app_context(), transaction() as session:
        sequence.reset(session, "W12-", number=1, reason=None, actor=ADA, now=NOW)
    assert [give(app), give(app)] == ["W12-0001", "W12-0003"]


def test_one_that_was_released_here_is_not_given_again(app: Flask, documented: OlderFile) -> None:
    assert give(app) == "W12-0001"
    with app.app_context(), transaction() as session:
        session.execute(update(Tag).values(state=TagState.RELEASED, due_at=None))
    documented.device("W12-0001")
    take(app, documented)
    assert tag(app, "W12-0001").is_retired
    assert give(app) == "W12-0002"


def test_without_an_asset_they_are_nobodys_and_kept(app: Flask, documented: OlderFile) -> None:
    documented.device("W12-0041")
    take(app, documented)
    kept = tag(app, "W12-0041")
    assert (kept.is_retired, kept.problem, kept.due_at) == (True, None, None)
    with app.app_context(), reading() as session:
        event = session.scalars(select(TagEvent).where(TagEvent.tag == "W12-0041")).one()
    assert (event.action, event.actor) == ("kept", "command line")


def test_with_one_they_are_its_own_and_need_a_look(app: Flask, documented: OlderFile) -> None:
    with_assets(documented).device("W12-0041", asset_id=123)
    take(app, documented)
    assigned = tag(app, "W12-0041")
    assert (assigned.state, assigned.asset_id, assigned.due_at) == (TagState.ASSIGNED, 123, None), "the directory is not renamed"
    assert "but no asset has this name" in str(assigned.problem)


def test_what_is_somebodys_here_stays_so(app: Flask, documented: OlderFile) -> None:
    with app.app_context():
        given = service.on_asset_created(transaction, asset_id=5, asset_name="laptop", prefix="W12-", now=NOW)
    assert given is not None
    with_assets(documented).device(given.tag, asset_id=6)
    documented.device("W12-0041", asset_id=5)
    take(app, documented)
    assert tag(app, given.tag).asset_id == 5
    assert tag(app, "W12-0041").is_retired, "its asset has another tag"


def test_names_that_are_no_tags_leave_the_sequence_alone_unless_they_claim_a_number(app: Flask, documented: OlderFile) -> None:
    for name in ("LAPTOP-3", "W12-", "W12-x", "W12-00009"):
        documented.device(name)
    take(app, documented)
    assert give(app) == "W12-0010"


def test_tags_that_only_the_record_names_are_kept_too(app: Flask, documented: OlderFile) -> None:
    documented.log("W12-0030", student_id="1", action="check_in", timestamp="2025-06-10 10:00:00")
    take(app, documented)
    assert tag(app, "W12-0030").is_retired
    assert give(app) == "W12-0031"


def test_a_dry_run_keeps_none(app: Flask, documented: OlderFile) -> None:
    documented.device("W12-0041")
    documented.log("W12-0050", student_id="1", action="check_in", timestamp="2025-06-10 10:00:00")
    take(app, documented, dry=True)
    assert give(app) == "W12-0001"


def test_each_prefix_has_its_own_numbers(app: Flask, documented: OlderFile) -> None:
    with app.app_context(), transaction() as session:
        sequence.create_if_missing(session, "LAB-", now=NOW)
    documented.device("LAB-0009")
    take(app, documented)
    assert give(app) == "W12-0001"
    assert only(app, TagSequence, lambda each: each.prefix == "LAB-").next_number == 10


def go_on_from(app: Flask, number: Any) -> str:
    with app.app_context(), transaction() as session:
        return str(legacy_tags.continue_sequence(session, "W12-", number, actor=of_command(), now=datetime.now(UTC)))


def test_a_sequence_is_moved_on_and_never_back(app: Flask) -> None:
    assert (go_on_from(app, 42), go_on_from(app, 7), give(app)) == ("W12-0042", "W12-0042", "W12-0042")
    with app.app_context(), reading() as session:
        (moved,) = session.scalars(select(TagEvent).where(TagEvent.action == "reset"))
    assert (moved.old_name, moved.new_name, moved.reason) == ("W12-0001", "W12-0042", "sequence file of the legacy installation")
