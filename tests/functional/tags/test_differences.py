"""The page of differences between tags and asset names."""

import pytest
from flask import Flask
from sqlalchemy import delete, select

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels.models import LabelledAsset
from request_tracker_utils.tags import service
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tasks.models import Task
from tests.services.apps import run_job
from tests.services.creations import create_confirmed
from tests.services.differences import DifferencesPage
from tests.services.forms import PAGE, buttons


@pytest.fixture
def page(app: Flask) -> DifferencesPage:
    return DifferencesPage(app, "/admin/asset-tags/differences", "staff")


def add(app: Flask, name: str = "") -> int:
    """An asset with a tag, or one with this name and no tag."""
    with app.app_context():
        return asset_store().create(NewAsset(name)) if name else create_confirmed(asset_store()).asset_id


def rename(app: Flask, asset_id: int, name: str) -> None:
    with app.app_context():
        asset_store().rename(asset_id, name)


def name(app: Flask, asset_id: int) -> str:
    with app.app_context():
        return asset_store().get(asset_id).name


def test_each_kind_is_shown_and_resolved_by_its_button(app: Flask, page: DifferencesPage) -> None:
    renamed, owner, missing = (add(app) for _ in range(3))
    rename(app, renamed, "Ms Lee’s laptop <b>")
    duplicate, unknown, misspelled = (add(app, text) for text in ("W12-0002", "W12-0900", "w12-7"))
    with app.app_context(), transaction() as session:
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id == missing))
    text = page.compare()
    assert "“Ms Lee’s laptop &lt;b&gt;”" in text
    for title in ("Renamed", "Duplicate", "Missing", "Unknown tag", "Misspelled tag"):
        assert f">{title} " in text
    for label, said in (
        (f"Rename #{renamed} to W12-0001", f"#{renamed} is named W12-0001 in"),
        (f"Move W12-0002 to #{duplicate}", f"W12-0002 is now the tag of #{duplicate}. W12-0004 is now the tag of #{owner}."),
        ("Release W12-0003", "W12-0003 is released and can be assigned again."),
        (f"Use W12-0900 as the tag of #{unknown}", f"W12-0900 is now the tag of #{unknown}."),
        (f"Assign a tag to #{misspelled}", f"W12-0003 is now the tag of #{misspelled}."),
    ):
        assert said in page.press(label)
    names = [name(app, each) for each in (renamed, owner, duplicate, unknown, misspelled)]
    assert names == ["W12-0001", "W12-0004", "W12-0002", "W12-0900", "W12-0003"]
    assert "No differences." in page.show()
    assert "No differences." in page.compare()


def test_two_labels_with_one_name_are_shown_until_a_person_decides(app: Flask, page: DifferencesPage) -> None:
    owner, other = add(app), add(app, "W12-0001")
    with app.app_context(), transaction() as session:
        service.mark_printed(session, [(owner, "W12-0001")], now=utc_now())
        session.add(LabelledAsset(asset_id=other, name="W12-0001", printed_at=utc_now(), printed_by="ada"))
        session.scalars(select(Tag)).one().due_at = utc_now()
    run_job(app, "confirm-tags")
    said = f"Assets #{owner} and #{other} have the name W12-0001, and both have labels. Choose under Differences."
    pages = ("/", f"/assets/{owner}", f"/assets/{other}")
    asked = [page.client.get(path, headers=PAGE).get_data(as_text=True) for path in pages]
    assert [said in text for text in asked] == [True] * 3
    assert "Every asset with a tag is named after it." not in asked[0]
    page.press(f"Assign a new tag to #{other}")
    decided = [page.client.get(path, headers=PAGE).get_data(as_text=True) for path in pages]
    assert "Choose under Differences" not in decided[0]
    assert ["Duplicate name." in text for text in (*asked[1:], *decided[1:])] == [True, True, False, False]
    assert (name(app, owner), name(app, other)) == ("W12-0001", "W12-0002")


def test_all_of_a_kind_are_resolved_where_that_is_safe(app: Flask, page: DifferencesPage) -> None:
    renamed = [add(app) for _ in range(3)]
    gone, printed = add(app), add(app)
    for number, asset_id in enumerate(renamed):
        rename(app, asset_id, f"laptop {number}")
    with app.app_context(), transaction() as session:
        service.mark_printed(session, [(printed, "W12-0005")], now=utc_now())
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id.in_([gone, printed])))
    unknown = [add(app, text) for text in ("W12-0900", "W12-0901")]
    page.compare()
    for label in ("Release 1 unprinted tag", "Use 2 names as tags", "Rename 3 assets to their tags"):
        page.press(label)
    rename(app, renamed[2], "W12-0003")  # someone else was first
    page.run("run-tasks")
    with app.app_context(), reading() as session:
        done = list(session.scalars(select(Task).where(Task.kind == "settle-tag-differences").order_by(Task.id)))
        tags = {tag.tag: (tag.state, tag.asset_id) for tag in session.scalars(select(Tag))}
    assert [(task.title, task.done, task.failed, task.state) for task in done] == [
        ("Release 1 unprinted tag", 1, 0, "done"),
        ("Use 2 names as tags", 2, 0, "done"),
        ("Rename 3 assets to their tags", 3, 0, "done"),
    ]
    assert [name(app, each) for each in renamed] == ["W12-0001", "W12-0002", "W12-0003"]
    assert (tags["W12-0004"], tags["W12-0005"]) == (("released", None), ("assigned", printed))
    assert [tags[text][1] for text in ("W12-0900", "W12-0901")] == unknown
    left = [each.words for each in buttons(page.show()) if "W12" in each.words]
    assert left == [f"Retire W12-0005, W12-0005 (#{printed})", f"Ignore, W12-0005 (#{printed})"]
