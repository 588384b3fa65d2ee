"""The page of a reconciliation: comparing, paging, bulk forms, and outdated forms. The page of tags is the example."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUnreachable, NewAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import service
from request_tracker_utils.tags.models import Tag, TagDiscrepancy, TagSequence
from tests.services.apps import token
from tests.services.creations import create_confirmed
from tests.services.differences import DifferencesPage
from tests.services.forms import PAGE, button
from tests.services.tables import check_all

ADDRESS = "/admin/asset-tags/differences"


@pytest.fixture
def page(app: Flask) -> DifferencesPage:
    return DifferencesPage(app, ADDRESS, "staff")


def add(app: Flask, name: str) -> int:
    with app.app_context():
        return asset_store().create(NewAsset(name))


def test_the_result_of_a_comparison_is_shown(app: Flask, page: DifferencesPage) -> None:
    before = page.show()
    assert "Not compared yet" in before
    assert "No differences." not in before
    assert "No differences." in page.compare()
    assert page.last_task().summary == "No differences."
    add(app, "W12-spare")
    page.compare()
    ended = page.client.get(f"/tasks/{page.last_task().id}", headers=PAGE).get_data(as_text=True)
    assert "1 open difference." in ended
    assert f'href="{ADDRESS}"' in ended
    assert "is ignored until its name changes." in page.press("Ignore", "?kind=misspelt")
    after = page.compare()
    assert "No differences." in after
    assert "1 difference is ignored." in after


def test_a_second_comparison_leads_to_the_one_that_is_running(page: DifferencesPage) -> None:
    page.press("Compare now")
    assert "Show comparison" in page.show()
    assert page.post("/compare")[:2] == (303, "/tasks/1")
    assert [page.run(job) for job in ("compare-tags", "run-tasks", "compare-tags")] == [0, 1, 0]  # compared today already


def test_the_daily_job_starts_a_comparison(page: DifferencesPage) -> None:
    assert [page.run(job) for job in ("compare-tags", "run-tasks", "compare-tags")] == [1, 1, 0]
    assert page.last_task().started_by == "job compare-tags"


def test_nothing_is_compared_before_it_is_ready(app: Flask, page: DifferencesPage) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    assert page.run("compare-tags") == 0
    status, _, text = page.post("/compare")
    assert (status, "Nothing can be compared until" in text) == (503, True)


def test_a_button_of_an_outdated_page_does_nothing(app: Flask, page: DifferencesPage) -> None:
    with app.app_context():
        asset_id = create_confirmed(asset_store()).asset_id
        asset_store().rename(asset_id, "scrap")
    outdated = button(page.compare(), f"Remove W12-0001 from #{asset_id}")
    with app.app_context(), transaction() as session:
        service.mark_printed(session, [(asset_id, "W12-0001")], now=utc_now())
    answer = page.client.post(outdated.action, data=outdated.fields, headers=PAGE)
    assert "Choose again." in page.client.get(answer.headers["Location"], headers=PAGE).get_data(as_text=True)
    with app.app_context(), reading() as session:
        assert session.scalars(select(Tag.asset_id)).one() == asset_id


def test_an_asset_store_that_fails_is_reported_and_the_difference_stays_open(
    app: Flask, page: DifferencesPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(app, "w12-7")
    page.compare()

    def fail(*_: object) -> None:
        raise AssetStoreUnreachable("Request Tracker does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "get", fail)
    assert "The difference was not resolved: Request Tracker does not answer." in page.press("Assign a tag")
    assert "Misspelled tag" in page.show()


def test_five_thousand_are_shown_by_pages(app: Flask, page: DifferencesPage) -> None:
    now = utc_now()
    with app.app_context(), transaction() as session:
        times = {"found_at": now, "seen_at": now}
        session.add_all(TagDiscrepancy(kind="misspelt", tag="", asset_id=each, name=f"W12-x{each}", **times) for each in range(1, 5001))
    overview = page.show()
    assert "Show all 5000" in overview
    assert overview.count("W12-x") == 5
    text, seen = page.show("?kind=misspelt"), 0
    for _ in range(3):
        seen += text.count("“W12-x")
        text = page.show("?kind=misspelt&after=" + text.split("after=")[-1].split('"', 1)[0])
    assert (seen, "“W12-x151”" in text, "First page" in text) == (150, True, True)
    assert "No more differences of this kind" in page.show("?kind=misspelt&after=5000")


def test_forged_addresses_and_forms_change_nothing(page: DifferencesPage) -> None:
    for query in ("?kind=nonsense", "?after=x", "?kind=gone&after=-5", "?kind=gone&after=99999999999999999999"):
        page.show(query)

    def check(path: str, form: dict[str, str], status: int) -> None:
        assert page.post(path, **form, after="x")[0] == status

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


def test_the_status_page_and_the_metrics_count_open_differences(app: Flask, page: DifferencesPage) -> None:
    admin, client = token(app, "admin"), app.test_client()
    assert "rtutils_tag_differences 0.0" in client.get("/metrics", headers=admin).get_data(as_text=True)
    add(app, "W12-7")
    page.compare()
    assert "rtutils_tag_differences 1.0" in client.get("/metrics", headers=admin).get_data(as_text=True)
    status = client.get("/admin", headers={**admin, **PAGE}).get_data(as_text=True)
    assert "1 difference between tags and asset names is open." in status
