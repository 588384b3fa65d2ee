"""The page that says how the program fares."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.administration import status
from request_tracker_utils.asset_store.feature import check_asset_store
from request_tracker_utils.asset_store.service import AssetStoreInvalid
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.health import MIN_DELAY
from request_tracker_utils.core.jobs import JobRun
from request_tracker_utils.web.feature import SectionContent, StatusSection
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import WEBHOOK_TOKEN, make_app, ready, token
from tests.services.local_server import Call, LocalServer, Reply
from tests.services.request_tracker import RequestTracker

HUNG = 30.0


def page(client: FlaskClient, headers: dict[str, str], path: str = "/admin") -> str:
    answer = client.get(path, headers={**headers, "Accept": "text/html"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def connected(folder: Path, url: str, rt_token: str = "1-14-abcdefghij", **settings: str) -> Flask:
    return ready(make_app(folder, rt_url=url, rt_token=rt_token, **settings))


@pytest.fixture
def hung_rt() -> Iterator[LocalServer]:
    """A Request Tracker that takes every call and answers none in time."""
    with LocalServer(lambda _call: Reply({}, wait=HUNG)) as server:
        yield server


def test_a_new_installation_is_well_and_says_what_it_runs_on(app: Flask, client: FlaskClient, admin_token: dict[str, str]) -> None:
    text = page(client, admin_token)
    assert "No problems." in text
    kind = "PostgreSQL" if registry_of(app).settings.database_file is None else "SQLite"
    for part in (kind, "Python", "sqlalchemy", "MB free", "confirm-tags", "W12-0001", "RT_URL is not set."):
        assert part in text


def test_only_administrators_see_it(app: Flask, client: FlaskClient) -> None:
    for role in ("staff", "teacher", "student", "user"):
        headers = token(app, role)
        for path in ("/admin", "/admin/jobs", "/admin/settings", "/admin/access", "/admin/data/", "/admin/data/users/", "/api/jobs"):
            assert client.get(path, headers=headers).status_code == 403, f"{role} {path}"


def test_failed_jobs_are_listed_as_problems(app: Flask, client: FlaskClient, admin_token: dict[str, str]) -> None:
    with app.app_context(), transaction() as session:
        session.add(JobRun(job="confirm-tags", process="elsewhere:1", started_at=utc_now(), ended_at=utc_now(), error="No answer."))
    text = page(client, admin_token)
    assert "1 problem" in text
    assert "The job confirm-tags failed: No answer." in text


def test_a_job_that_has_not_begun_for_long_is_missed(
    app: Flask, client: FlaskClient, admin_token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = utc_now() - 4 * MIN_DELAY
    monkeypatch.setattr(registry_of(app), "started_at", long_ago)
    text = page(client, admin_token)
    assert "The job confirm-tags is overdue." in text
    assert "The job delete-login-events has not begun" not in text  # it is due once a day


def test_pending_work_is_counted(app: Flask, client: FlaskClient, admin_token: dict[str, str]) -> None:
    client.post("/webhook/asset-created", json={"asset_id": 4000}, headers={"Authorization": f"Bearer {WEBHOOK_TOKEN}"})
    text = page(client, admin_token)
    assert "<dt>Pending confirmation</dt><dd>1</dd>" in text
    assert 'href="/tags/pending"' in text


def test_a_section_that_fails_or_hangs_leaves_the_others_as_they_are(
    app: Flask, client: FlaskClient, admin_token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> SectionContent:
        raise Unavailable("The cupboard is locked.")

    def breaks() -> SectionContent:
        raise RuntimeError("inner detail")

    freed = threading.Event()

    def hangs() -> SectionContent:
        freed.wait(HUNG)
        return SectionContent({})

    monkeypatch.setattr(status, "TIMEOUT", 1.0)
    sections = [StatusSection(name, "none.html", content) for name, content in (("A", refuses), ("B", breaks), ("C", hangs))]
    monkeypatch.setattr(registry_of(app), "status", [*registry_of(app).status, *sections])
    begun = time.monotonic()
    text = page(client, admin_token)
    freed.set()
    assert time.monotonic() - begun < 3
    assert "3 problems" in text
    for part in ("The cupboard is locked.", "B: cannot be shown. See the log for the reason.", "C: no answer within 1 s.", "confirm-tags"):
        assert part in text
    assert "inner detail" not in text


def test_the_page_is_fast_while_request_tracker_hangs(tmp_path: Path, hung_rt: LocalServer) -> None:
    app = connected(tmp_path, hung_rt.url)
    admin = token(app, "admin")
    begun = time.monotonic()
    text = page(app.test_client(), admin)
    assert time.monotonic() - begun < 4
    assert "Request Tracker has not answered all checks yet." in text
    assert "confirm-tags" in text
    page(app.test_client(), admin)
    assert len(hung_rt.calls) == 1, "many who look ask Request Tracker once"
    with app.app_context():
        db.engine.dispose()


def test_a_rejected_token_is_a_problem_with_a_solution(tmp_path: Path) -> None:
    def refuse(_call: Call) -> Reply:
        return Reply({"message": "Unauthorized"}, status=401)

    with LocalServer(refuse) as server:
        app = connected(tmp_path, server.url)
        text = page(app.test_client(), token(app, "admin"))
    assert "Request Tracker does not accept the token." in text
    assert "1-14-abcdefghij" not in text


@pytest.mark.rt
def test_what_the_token_may_do_is_learned_without_writing(tmp_path: Path, request_tracker: RequestTracker) -> None:
    app = connected(tmp_path / "root", request_tracker.url, request_tracker.token, rt_model_field="Modell", rt_asset_status="gone")
    text = settled(app)
    for part in ("RT_CATALOG: General assets", "Create assets in General assets", "See all assets", "Rename and change assets"):
        assert row(text, part) == "OK", part
    assert row(text, "The token&#39;s user") == "OK"
    assert row(text, "RT_MODEL_FIELD: Modell") == "Failed"
    for part in ("RT_INTERNAL_NAME_FIELD: Internal Name", "RT_CATEGORY_FIELD: Category", "RT_FUNDING_FIELD: Funding Source"):
        assert row(text, part) == "OK", part
    assert row(text, "RT_ASSET_STATUS: gone") == "Unknown"
    assert row(text, "Write custom fields") == "Unknown"


@pytest.mark.rt
def test_missing_rights_of_the_token_are_listed(tmp_path: Path, request_tracker: RequestTracker) -> None:
    app = connected(tmp_path / "clerk", request_tracker.url, request_tracker.clerks_token, rt_catalog="Cables")
    text = settled(app)
    assert row(text, "RT_CATALOG: Cables") == "OK"
    assert row(text, "Create assets in Cables") == "Failed"
    assert "CreateAsset on the catalog" in text
    assert row(text, "See all assets") == "Failed"
    assert row(text, "Rename and change assets") == "Unknown"
    assert row(text, "See users, to assign assets") == "Failed"


def settled(app: Flask) -> str:
    """The page once all questions are answered."""
    admin = token(app, "admin")
    for _ in range(20):
        text = page(app.test_client(), admin)
        if "Checks started" not in text:
            return text
    raise AssertionError(text)


def row(text: str, what: str) -> str:
    """What the mark beside a question says."""
    return text.split(f"<span>{what}</span>", 1)[1].split("</span>", 1)[0].rpartition(">")[2]


@pytest.mark.parametrize(
    ("path", "tab"),
    [
        ("/admin", "Status"),
        ("/admin/people", "People"),
        ("/admin/sign-ins", "Sign-ins"),
        ("/admin/asset-tags/audit", "Asset tags"),
        ("/admin/jobs/confirm-tags", "Jobs"),
        ("/admin/data/", "Data"),
        ("/admin/data/users/", "Data"),
    ],
)
def test_the_current_tab_is_marked(app: Flask, client: FlaskClient, admin_token: dict[str, str], path: str, tab: str) -> None:
    tabs = page(client, admin_token, path).split('class="tabs"', 1)[1].split("</nav>", 1)[0].split("<li>")
    assert [entry.rpartition("</a>")[0].rpartition(">")[2] for entry in tabs if "aria-current" in entry] == [tab]


def test_the_job_says_what_request_tracker_lacks_of_the_settings(tmp_path: Path, request_tracker: RequestTracker) -> None:
    sound = connected(tmp_path / "sound", request_tracker.url, request_tracker.token, device_catalogs="chromebooks")
    with sound.app_context():
        assert check_asset_store() == 0
    lacking = connected(
        tmp_path / "lacking",
        request_tracker.url,
        request_tracker.token,
        rt_catalog="Nope",
        rt_manufacturer_field="Nope too",
        device_catalogs="Chromebooks,Nothing",
    )
    with lacking.app_context(), pytest.raises(AssetStoreInvalid) as raised:
        check_asset_store()
    for part in ("RT_CATALOG: Nope", "Chromebooks", "RT_MANUFACTURER_FIELD: Nope too", "Serial Number", "DEVICE_CATALOGS: Nothing"):
        assert part in raised.value.message
    assert "DEVICE_CATALOGS: Chromebooks" not in raised.value.message
