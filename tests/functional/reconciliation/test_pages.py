"""The page of a reconciliation, whatever it compares: comparing, paging, bulk forms, and doing nothing. The page of tags stands for all."""

from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUnreachable, NewAsset
from request_tracker_utils.core import jobs
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import service
from request_tracker_utils.tags.models import Tag, TagDiscrepancy, TagSequence
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry_of
from tests.services import forms
from tests.services.apps import csrf_token, sign_in, token, user
from tests.services.creations import create_confirmed
from tests.services.forms import PAGE, button
from tests.services.tables import check_all

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
    """Presses “Compare now”, and returns the page of the finished task."""
    press(client, "Compare now")
    run(app, "run-tasks")
    with app.app_context(), reading() as session:
        task = session.scalars(select(Task).order_by(Task.id.desc()).limit(1)).one()
        assert task.state == TaskState.DONE, task.error
    return client.get(f"/tasks/{task.id}", headers=PAGE).get_data(as_text=True)


def add(app: Flask, name: str) -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name))


def test_the_result_of_a_comparison_is_shown(app: Flask, client: FlaskClient) -> None:
    page = show(client)
    assert "Not compared yet" in page
    assert "No differences." not in page
    assert "No differences." in compare(app, client)
    assert "No differences." in show(client)
    add(app, "W12-spare")
    ended = compare(app, client)
    assert "1 open difference." in ended
    assert f'href="{HERE}"' in ended
    assert "is ignored until its name changes." in press(client, "Ignore", "?kind=misspelt")
    compare(app, client)
    page = show(client)
    assert "No differences." in page
    assert "1 difference is ignored." in page


def test_a_second_comparison_leads_to_the_one_that_is_running(app: Flask, client: FlaskClient) -> None:
    press(client, "Compare now")
    assert "Show comparison" in show(client)
    form = {"csrf_token": csrf_token(client, HERE)}
    assert client.post(f"{HERE}/compare", data=form, headers=PAGE).headers["Location"] == "/tasks/1"
    assert run(app, "compare-tags") == 0
    assert run(app, "run-tasks") == 1
    assert run(app, "compare-tags") == 0  # compared today already


def test_the_daily_job_starts_a_comparison(app: Flask, client: FlaskClient) -> None:
    assert [run(app, job) for job in ("compare-tags", "run-tasks", "compare-tags")] == [1, 1, 0]
    assert "Started by job compare-tags" in client.get("/tasks/1", headers=PAGE).get_data(as_text=True)


def test_nothing_is_compared_before_it_is_ready(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    assert run(app, "compare-tags") == 0
    answer = client.post(f"{HERE}/compare", data={"csrf_token": csrf_token(client, HERE)}, headers=PAGE)
    assert (answer.status_code, "Nothing can be compared until" in answer.get_data(as_text=True)) == (503, True)


def test_a_button_of_an_outdated_page_does_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        asset_id = create_confirmed(asset_store()).asset_id
        asset_store().rename(asset_id, "scrap")
    compare(app, client)
    outdated = button(show(client), f"Remove W12-0001 from #{asset_id}")
    with app.app_context(), transaction() as session:
        service.mark_printed(session, [(asset_id, "W12-0001")], now=utc_now())
    answer = client.post(outdated.action, data=outdated.fields, headers=PAGE)
    assert "Choose again." in client.get(answer.headers["Location"], headers=PAGE).get_data(as_text=True)
    with app.app_context(), reading() as session:
        assert session.scalars(select(Tag.asset_id)).one() == asset_id


def test_a_failing_asset_store_is_reported_and_the_difference_stays_open(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(app, "w12-7")
    compare(app, client)

    def fail(*_: object) -> None:
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "get", fail)
    assert "The difference was not resolved: Request Tracker does not answer." in press(client, "Assign a tag")
    assert "Misspelled tag" in show(client)


def test_five_thousand_are_shown_by_pages(app: Flask, client: FlaskClient) -> None:
    now = utc_now()
    with app.app_context(), transaction() as session:
        times = {"found_at": now, "seen_at": now}
        session.add_all(TagDiscrepancy(kind="misspelt", tag="", asset_id=each, name=f"W12-x{each}", **times) for each in range(1, 5001))
    page = show(client)
    assert "Show all 5000" in page
    assert page.count("W12-x") == 5
    page, seen = show(client, "?kind=misspelt"), 0
    for _ in range(3):
        seen += page.count("“W12-x")
        page = show(client, "?kind=misspelt&after=" + page.split("after=")[-1].split('"', 1)[0])
    assert (seen, "“W12-x151”" in page, "First page" in page) == (150, True, True)
    assert "no more differences of this kind" in show(client, "?kind=misspelt&after=5000")


def test_forged_addresses_and_forms_change_nothing(client: FlaskClient) -> None:
    for query in ("?kind=nonsense", "?after=x", "?kind=gone&after=-5", "?kind=gone&after=99999999999999999999"):
        show(client, query)
    csrf = csrf_token(client, HERE)

    def check(path: str, form: dict[str, str], status: int) -> None:
        answer = client.post(HERE + path, data={**form, "csrf_token": csrf, "after": "x"}, headers=PAGE)
        assert answer.status_code == status

    check_all(
        [
            ("/7/resolve", {"resolution": "left"}, 404),
            ("/7/resolve", {"resolution": "nonsense"}, 404),
            ("/7/resolve", {}, 404),
            ("/resolve-all", {"kind": "twin", "resolution": "moved"}, 404),
            ("/resolve-all", {"kind": "gone", "resolution": "kept"}, 404),
            ("/resolve-all", {"kind": "nonsense", "resolution": "freed"}, 404),
            ("/resolve-all", {"kind": "gone", "resolution": "freed"}, 303),
        ],
        check,
    )


def test_the_status_page_and_the_metrics_count_open_differences(app: Flask, client: FlaskClient) -> None:
    admin = token(app, "admin")
    assert "rtutils_tag_differences 0.0" in client.get("/metrics", headers=admin).get_data(as_text=True)
    add(app, "W12-7")
    compare(app, client)
    plain = app.test_client()
    assert "rtutils_tag_differences 1.0" in plain.get("/metrics", headers=admin).get_data(as_text=True)
    page = plain.get("/admin", headers={**admin, **PAGE}).get_data(as_text=True)
    assert "1 difference between tags and asset names is open." in page
