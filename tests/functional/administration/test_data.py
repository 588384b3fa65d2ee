"""The tables of the database, to be looked at and nothing else."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import text

from request_tracker_utils.accounts.models import User
from request_tracker_utils.administration.views import tables
from request_tracker_utils.administration.views.tables import Table, is_secret, models
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Base, db, store_once, transaction
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence
from tests.services.access_log import storing_in_background
from tests.services.apps import WEBHOOK_TOKEN, user
from tests.services.csv_files import without_mark
from tests.services.people import Person

SUSPICIOUS = ("hash", "secret", "password", "token", "key", "credential", "salt", "pin", "private", "nonce")
"""Parts of names that look like a secret's, by a judgement of its own."""
HARMLESS: set[str] = set()
"""Columns with such a name that may be shown all the same."""


def views(app: Flask) -> dict[str, Table]:
    return {view.name: view for view in app.extensions["admin"][0]._views if isinstance(view, Table)}


def assets(app: Flask, *names: str, **more: object) -> None:
    with app.app_context(), transaction() as session:
        session.add_all(EmbeddedAsset(name=name, created_at=utc_now(), **more) for name in names)


def listed(html: str) -> list[str]:
    """The names of the assets on the page, in their order."""
    return [unescape(name) for name in re.findall(r'<td data-label="name">(.*?)</td>', html)]


def downloaded(admin: Person, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(without_mark(admin.get(path).text))))


def test_every_table_is_listed(app: Flask, admin: Person) -> None:
    assert {model.__tablename__ for model in models()} == set(Base.metadata.tables)
    html = admin.read("/admin/data/")
    for name in Base.metadata.tables:
        assert f'href="/admin/data/{name}/"' in html
        admin.read(f"/admin/data/{name}/")
        downloaded(admin, f"/admin/data/{name}/export/csv/")


def test_columns_that_look_like_secrets_are_hidden(app: Flask) -> None:
    for name, view in views(app).items():
        for column in view.column_list:
            assert f"{name}.{column}" in HARMLESS or not any(part in column.split("_") or part in column for part in SUSPICIOUS), (
                f"{name}.{column} looks like a secret: hide it in administration/views/tables.py, or say here that it is harmless"
            )


def test_secrets_are_not_searched_filtered_sorted_or_exported(app: Flask) -> None:
    hidden = {
        f"{name}.{column.name}" for name, table in Base.metadata.tables.items() for column in table.columns if is_secret(name, column.name)
    }
    assert hidden >= {"users.password_hash", "sign_in_sessions.key_hash", "personal_tokens.key_hash", "one_time_links.key_hash"}
    assert hidden >= {"login_events.account_key", "kept_values.value"}
    for name, view in views(app).items():
        asked = {
            *view.column_list,
            *view.column_searchable_list,
            *view.column_filters,
            *view.column_sortable_list,
            *view.column_export_list,
        }
        assert not hidden & {f"{name}.{column}" for column in asked}
        assert {filter.column.key for filter in view._filters} <= set(view.column_list)


def test_no_response_contains_secrets(app: Flask, admin: Person) -> None:
    with app.app_context(), transaction() as session:
        store_once(session, "something", "kept-and-secret")
        password_hash = session.scalar(text("SELECT password_hash FROM users"))
        webhook = session.scalar(text("SELECT value FROM kept_values WHERE name = 'webhook_token'"))
    for path in (
        "/admin/data/users/",
        "/admin/data/users/details/?id=1",
        "/admin/data/users/export/csv/",
        "/admin/data/users/?search=argon2",
        "/admin/data/users/?sort=99",
        "/admin/data/users/?filter=passwordhash_contains&value=argon2",
        "/admin/data/kept_values/",
        "/admin/data/kept_values/details/?id=something",
        "/admin/data/kept_values/export/csv/?search=kept-and",
    ):
        answer = admin.read(path)
        for secret in (password_hash, webhook, "kept-and-secret", WEBHOOK_TOKEN):
            assert secret not in answer
    assert "No rows" in admin.read("/admin/data/users/?search=argon2")


def test_secrets_are_not_read_from_the_database(app: Flask, admin: Person) -> None:
    asked: list[str] = []
    from sqlalchemy import event

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    admin.read("/admin/data/users/")
    assert any("FROM users" in statement for statement in asked)
    shown = [statement for statement in asked if "FROM users" in statement and "LIMIT" in statement]
    assert shown
    assert not any("password_hash" in statement for statement in shown)


def test_rows_are_searched_filtered_sorted_and_paged(app: Flask, admin: Person) -> None:
    assets(app, *(f"Laptop {number:03}" for number in range(60)), catalog="Laptops")
    assets(app, "Projector 1", catalog="Rooms", fields={"Lamp": "new"})
    base = "/admin/data/directory_assets/"
    newest_first = listed(admin.read(base))
    assert (len(newest_first), newest_first[0]) == (50, "Projector 1")
    assert len(listed(admin.read(f"{base}?page=1"))) == 11
    assert listed(admin.read(f"{base}?search=projector")) == ["Projector 1"]
    column = views(app)["directory_assets"].column_list.index("name")
    assert listed(admin.read(f"{base}?sort={column}"))[:2] == ["Laptop 000", "Laptop 001"]
    assert listed(admin.read(f"{base}?sort={column}&desc=1"))[:2] == ["Projector 1", "Laptop 059"]
    html = admin.read(f"{base}?filter=catalog_equals&value=Rooms")
    assert listed(html) == ["Projector 1"]
    assert "catalog equals Rooms" in html
    assert 'name="flt0_catalog_equals" value="Rooms"' in html  # the next search keeps it
    both = f"{base}?flt0_catalog_equals=Laptops&filter=name_contains&value=05"
    assert set(listed(admin.read(both))) == {"Laptop 005", *(f"Laptop 05{digit}" for digit in range(10))}
    assert '"Lamp": "new"' in admin.read(f"{base}?search=projector")


def test_times_are_filtered_in_the_installations_zone(app: Flask, admin: Person) -> None:
    with app.app_context(), transaction() as session:
        session.add_all(EmbeddedAsset(name=f"at {hour}", created_at=datetime(2026, 1, 31, hour, tzinfo=UTC), fields={}) for hour in (8, 10))
    base = "/admin/data/directory_assets/?filter=createdat_after&value="
    assert listed(admin.read(base + "2026-01-31+09:00")) == ["at 10"]
    assert listed(admin.read(base + "2026-01-31T09:30:00%2B02:00")) == ["at 10", "at 8"]
    assert "No rows" in admin.read(base + "2026-02-01")
    assert listed(admin.read("/admin/data/directory_assets/?filter=createdat_is_empty_yes_or_no&value=no")) == ["at 10", "at 8"]


ODD_QUESTIONS: dict[str, int | None] = {
    "page=-1": 200,
    "page=99999999999999999999": 200,
    "page=x&sort=x&desc=x": 200,
    "sort=-1": 200,
    "search=%00": None,
    "search=" + "a+" * 3_000: 200,
    "search=%25_%5C'\"": 200,
    "filter=id_equals&value=x": 400,
    "filter=id_equals&value=99999999999999999999999": 400,
    "filter=createdat_after&value=yesterday": 400,
    "filter=createdat_after&value=0001-01-01T00:00%2B14:00": 400,
    "filter=nothing_equals&value=1": 200,
    "&".join(f"flt{n}_name_contains=a" for n in range(300)): 200,
    "flt0_id_equals=x": 200,
}
"""What somebody may ask → the status of the answer; None where databases differ."""


def test_invalid_arguments_are_not_faults(app: Flask, admin: Person) -> None:
    for query, status in ODD_QUESTIONS.items():
        for path in (f"/admin/data/directory_assets/?{query}", f"/admin/data/directory_assets/export/csv/?{query}"):
            with admin.get(path) as answer:
                assert answer.status_code == status if status else answer.status_code in (200, 400), path


def test_a_row_is_shown_in_full(app: Flask, admin: Person) -> None:
    assets(app, "x" * 250)
    html = admin.read("/admin/data/directory_assets/details/?id=1")
    assert "x" * 250 in html
    assert admin.read("/admin/data/kept_values/details/?id=directory")


def test_a_missing_row_is_not_found(app: Flask, admin: Person) -> None:
    for key in ("77", "x", "-1", "99999999999999999999999", "1,2", "%00"):
        assert admin.get(f"/admin/data/directory_assets/details/?id={key}").status_code in (400, 404), key


def test_details_never_link_to_another_site(app: Flask, admin: Person) -> None:
    assets(app, "one")
    for path in ("details/?id=1&", "details/?", "export/xlsx/?", "export/csv/?", "?"):
        for elsewhere in ("https://evil.example/", "http:evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
            answer = admin.get(f"/admin/data/directory_assets/{path}url={quote(elsewhere)}")
            assert answer.status_code == 400, (path, elsewhere)
            assert "evil.example" not in (answer.location or "") + answer.get_data(as_text=True)
    assert 'href="/admin/data/users/"' in admin.read("/admin/data/directory_assets/details/?id=1&url=/admin/data/users/")


def test_the_export_contains_all_rows_and_no_formulas(app: Flask, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK", 20)
    assets(app, *(f"Laptop {number:03}" for number in range(95)), "=cmd()", fields={"a": "b"})
    rows = downloaded(admin, "/admin/data/directory_assets/export/csv/")
    assert [row["name"] for row in rows] == [*(f"Laptop {number:03}" for number in range(95)), "'=cmd()"]
    assert json.loads(rows[0]["fields"]) == {"a": "b"}
    assert datetime.fromisoformat(rows[0]["created_at"]).tzinfo is not None
    found = downloaded(admin, "/admin/data/directory_assets/export/csv/?search=Laptop&flt0_name_contains=09")
    assert [row["name"] for row in found] == ["Laptop 009", *(f"Laptop 09{digit}" for digit in range(5))]


def test_a_slow_download_uses_no_connection(app: Flask, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK", 2)
    assets(app, *(f"Laptop {number}" for number in range(10)))
    answer = admin.get("/admin/data/directory_assets/export/csv/", buffered=False)
    lines = iter(answer.response)
    assert next(lines)
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        with transaction() as session:  # and somebody may write meanwhile
            session.get_one(EmbeddedAsset, 1).name = "Renamed"
    assert len(list(lines)) >= 9
    answer.close()


def test_viewing_data_starts_no_write_transaction(app: Flask, admin: Person) -> None:
    admin.read("/admin/data/")  # the first request of a session is recorded
    with storing_in_background(app), app.app_context(), transaction() as session:
        session.add(TagSequence(prefix="X-", next_number=1, created_at=utc_now()))
        session.flush()  # this one writes, and everybody else waits with writing
        for path in ("/admin/data/", "/admin/data/users/", "/admin/data/users/details/?id=1", "/admin/data/users/export/csv/"):
            admin.read(path)
        assert db.engine.pool.checkedout() <= 2  # type: ignore[attr-defined]  # the other one stores who read the data


def test_data_is_read_only(app: Flask, admin: Person) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin/data")]
    assert {method for rule in rules for method in rule.methods or ()} <= {"GET", "HEAD", "OPTIONS"}
    assert not [rule.rule for rule in rules if re.search("/(new|edit|delete|action|ajax|static)(/|$)", rule.rule)]
    user(app, "staff")
    for path in ("new/", "edit/?id=1", "delete/", "action/", "ajax/update/", "ajax/lookup/"):
        for method in ("GET", "POST"):
            assert admin.open(f"/admin/data/users/{path}", method=method, data={"id": "1"}).status_code == 404
    with app.app_context(), transaction() as session:
        assert session.query(User).count() == 2


def test_pages_run_nothing_of_flask_admins(app: Flask, admin: Person) -> None:
    for path in ("/admin/data/", "/admin/data/users/", "/admin/data/users/details/?id=1"):
        html = admin.read(path)
        assert not re.search(r"<script(?![^>]* (?:src|nonce)=)|<style| style=| onclick=|jquery|select2|/admin/static", html)


def test_typed_text_is_escaped(app: Flask, admin: Person) -> None:
    assets(app, "<script>alert(1)</script>")
    for path in ("", "details/?id=1", "?search=<script>alert(1)</script>", "?filter=name_contains&value=<script>"):
        assert "<script>" not in admin.get(f"/admin/data/directory_assets/{path}").text


def test_the_audit_log_of_a_tag_is_searched(app: Flask, admin: Person) -> None:
    with app.app_context(), transaction() as session:
        session.add(TagEvent(at=utc_now(), actor=of_command().name, action="reserved", tag="W12-0042"))
    assert "W12-0042" in admin.read("/admin/data/tag_events/?search=W12-0042")
    assert Tag.__tablename__ in views(app)
