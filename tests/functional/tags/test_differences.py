"""The page of differences: comparing, settling one by its button, settling all of a kind, and what is said where nothing can be done."""

from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core import jobs
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import service
from request_tracker_utils.tags.models import Tag, TagDifference, TagSequence
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry_of
from tests.services import forms
from tests.services.apps import csrf_token as csrf, sign_in, token, user
from tests.services.creations import create_confirmed
from tests.services.forms import button, buttons

PAGE = {"Accept": "text/html"}
HERE = "/admin/asset-tags/differences"
show, press = partial(forms.show, HERE), partial(forms.press, HERE)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    user(app, "staff", "ada")
    sign_in(client, "ada")
    return client


def run(app: Flask, job: str) -> int:
    with app.app_context():
        return jobs.run(registry_of(app).jobs.named(job))


def compare(app: Flask, client: FlaskClient) -> str:
    """Presses “Compare now”, and returns the page of the task that has ended then."""
    press(client, "Compare now")
    run(app, "run-tasks")
    with app.app_context(), reading() as session:
        task = session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()
        assert task.state == TaskState.DONE, task.error
    return client.get(f"/tasks/{task.id}", headers=PAGE).get_data(as_text=True)


def add(app: Flask, name: str = "") -> int:
    """An asset with a tag of ours, or one of this name without."""
    with app.app_context():
        if name:
            return asset_store().create(NewAsset(name))
        return create_confirmed(asset_store()).asset_id


def rename(app: Flask, asset_id: int, name: str) -> None:
    with app.app_context():
        asset_store().rename(asset_id, name)


def name(app: Flask, asset_id: int) -> str:
    with app.app_context():
        return asset_store().get(asset_id).name


def test_before_the_first_comparison_nothing_is_claimed(client: FlaskClient) -> None:
    page = show(client)
    assert "Not compared yet" in page
    assert "Nothing differs" not in page


def test_what_agrees_is_said_so(app: Flask, client: FlaskClient) -> None:
    add(app)
    assert "Nothing differs." in compare(app, client)
    assert "Nothing differs." in show(client)


def test_each_kind_is_found_shown_and_settled_by_its_button(app: Flask, client: FlaskClient) -> None:
    renamed, holder, gone = (add(app) for _ in range(3))
    rename(app, renamed, "Ms Lee’s laptop <b>")
    twin, unknown, misspelt = (add(app, text) for text in ("W12-0002", "W12-0900", "w12-7"))
    with app.app_context(), transaction() as session:
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id == gone))
    ended = compare(app, client)
    assert "5 differences are open." in ended
    assert HERE in ended
    page = show(client)
    assert "“Ms Lee’s laptop &lt;b&gt;”" in page
    for heading in ("Called otherwise", "Twins", "Gone", "Unknown tags", "Misspelt tags"):
        assert heading in page
    for words, said in (
        (f"Call #{renamed} W12-0001 again", f"#{renamed} is called W12-0001 again in the built-in asset list."),
        (f"#{twin} is the right one", f"W12-0002 is the tag of #{twin} now. W12-0004 is that of #{holder}."),
        ("Free W12-0003", "W12-0003 is free, and is given again."),
        (f"W12-0900 is the tag of #{unknown}", f"W12-0900 is the tag of #{unknown} now."),
        (f"Give #{misspelt} a tag", f"W12-0003 is the tag of #{misspelt} now."),
    ):
        assert said in press(client, words)
    assert [name(app, each) for each in (renamed, holder, twin, unknown, misspelt)] == [
        "W12-0001",
        "W12-0004",
        "W12-0002",
        "W12-0900",
        "W12-0003",
    ]
    assert "Nothing differs." in show(client)
    assert "Nothing differs." in compare(app, client)


def test_what_is_left_is_counted_and_not_shown_again(app: Flask, client: FlaskClient) -> None:
    add(app, "W12-spare")
    compare(app, client)
    press(client, "Leave it as it is", "?kind=misspelt")
    compare(app, client)
    page = show(client)
    assert "Nothing differs." in page
    assert "1 difference was left as it is." in page


def test_all_of_a_kind_are_settled_in_the_safe_way_and_nothing_else_is(app: Flask, client: FlaskClient) -> None:
    renamed = [add(app) for _ in range(3)]
    gone, printed = add(app), add(app)
    for number, asset_id in enumerate(renamed):
        rename(app, asset_id, f"laptop {number}")
    with app.app_context(), transaction() as session:
        service.mark_printed(session, [(printed, "W12-0005")], now=utc_now())
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id.in_([gone, printed])))
    compare(app, client)
    press(client, "Free the one that was never printed")
    press(client, "Call all 3 by their tags again")
    rename(app, renamed[2], "W12-0003")  # somebody was faster
    run(app, "run-tasks")
    with app.app_context(), reading() as session:
        done = list(session.scalars(select(Task).where(Task.kind == "settle-tag-differences").order_by(Task.id)))
        states = {tag.tag: tag.state for tag in session.scalars(select(Tag))}
    assert [(task.title, task.done, task.failed, task.state) for task in done] == [
        ("Free 1 tag", 1, 0, "done"),
        ("Make 3 tags their assets’ names again", 3, 0, "done"),
    ]
    assert [name(app, each) for each in renamed] == ["W12-0001", "W12-0002", "W12-0003"]
    assert (states["W12-0004"], states["W12-0005"]) == ("released", "assigned")
    assert [each.words for each in buttons(show(client)) if "W12" in each.words] == ["Keep W12-0005, never give it again, #5"]


def test_a_button_that_promises_what_is_no_longer_so_does_nothing(app: Flask, client: FlaskClient) -> None:
    asset_id = add(app)
    rename(app, asset_id, "scrap")
    compare(app, client)
    stale = button(show(client), "Take W12-0001 away")
    with app.app_context(), transaction() as session:
        service.mark_printed(session, [(asset_id, "W12-0001")], now=utc_now())
    answer = client.post(stale.action, data=stale.fields, headers=PAGE)
    assert "Nothing was done; choose again." in client.get(answer.headers["Location"], headers=PAGE).get_data(as_text=True)
    with app.app_context(), reading() as session:
        assert session.scalars(select(Tag.asset_id)).one() == asset_id


def test_five_thousand_are_shown_by_pages(app: Flask, client: FlaskClient) -> None:
    now = utc_now()
    with app.app_context(), transaction() as session:
        times = {"found_at": now, "seen_at": now}
        session.add_all(TagDifference(kind="misspelt", tag="", asset_id=each, name=f"W12-x{each}", **times) for each in range(1, 5001))
    page = show(client)
    assert "All 5000" in page
    assert page.count("W12-x") == 5
    page, seen = show(client, "?kind=misspelt"), 0
    for _ in range(3):
        seen += page.count("“W12-x")
        page = show(client, "?kind=misspelt&after=" + page.split("after=")[-1].split('"', 1)[0])
    assert (seen, "“W12-x151”" in page, "From the beginning" in page) == (150, True, True)


@pytest.mark.parametrize("query", ["?kind=nonsense", "?after=x", "?kind=gone&after=-5", "?kind=gone&after=99999999999999999999"])
def test_an_address_that_nobody_made_shows_what_there_is(client: FlaskClient, query: str) -> None:
    show(client, query)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/7/settle", {"way": "left"}, 404),
        ("/7/settle", {"way": "nonsense"}, 404),
        ("/7/settle", {}, 404),
        ("/settle-all", {"kind": "twin"}, 404),
        ("/settle-all", {"kind": "nonsense"}, 404),
        ("/settle-all", {"kind": "gone"}, 303),
    ],
)
def test_a_form_that_nobody_was_shown_changes_nothing(client: FlaskClient, path: str, form: dict[str, str], status: int) -> None:
    form = {**form, "csrf_token": csrf(client, HERE), "after": "x"}
    assert client.post(HERE + path, data=form, headers=PAGE).status_code == status


def test_a_second_comparison_leads_to_the_one_under_way(app: Flask, client: FlaskClient) -> None:
    press(client, "Compare now")
    assert "See the comparison" in show(client)
    form = {"csrf_token": csrf(client, HERE)}
    assert client.post(f"{HERE}/compare", data=form, headers=PAGE).headers["Location"] == "/tasks/1"
    assert run(app, "compare-tags") == 0
    assert run(app, "run-tasks") == 1


def test_the_daily_job_compares_once_a_day_and_not_at_each_start(app: Flask, client: FlaskClient) -> None:
    assert run(app, "compare-tags") == 1
    assert run(app, "run-tasks") == 1
    assert run(app, "compare-tags") == 0
    with app.app_context(), transaction() as session:
        session.execute(update(Task).values(ended_at=utc_now() - timedelta(hours=23)))
    assert run(app, "compare-tags") == 1
    assert "Started by job compare-tags" in client.get("/tasks/2", headers=PAGE).get_data(as_text=True)


def test_nothing_is_compared_before_names_are_adopted(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    assert run(app, "compare-tags") == 0
    answer = client.post(f"{HERE}/compare", data={"csrf_token": csrf(client, HERE)}, headers=PAGE)
    assert (answer.status_code, "Nothing can be compared yet" in answer.get_data(as_text=True)) == (503, True)


def test_the_status_and_the_numbers_tell_how_many_are_open(app: Flask, client: FlaskClient) -> None:
    admin = token(app, "admin")
    assert "rtutils_tag_differences 0.0" in client.get("/metrics", headers=admin).get_data(as_text=True)
    add(app, "W12-7")
    compare(app, client)
    plain = app.test_client()
    assert "rtutils_tag_differences 1.0" in plain.get("/metrics", headers=admin).get_data(as_text=True)
    assert "The directory and our tags differ: 1 to settle." in plain.get("/admin", headers={**admin, **PAGE}).get_data(as_text=True)
