"""The pages of people: list, person, conflicts, changes, their names beside punches, and one's own punches."""

import io
import re

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.attendance.models import AttendancePerson
from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import store_users
from request_tracker_utils.core.db import reading, transaction
from tests.services.apps import csrf_token, run_job, signed_in
from tests.services.attendance import NOW, added, record
from tests.services.forms import page, send
from tests.services.punching import store

PEOPLE = "/punches/people"
ALL = "from=&to="
OWN_JSON = "/api/raw-attendance/mine/"


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    """Two sites with the same user ID 17 for different people, and Grace Hopper at both."""
    with app.app_context():
        for name, address, site, users in (
            ("North", "10.0.0.50", "North High", (("17", "Ada Lovelace"), ("18", "Grace Hopper"))),
            ("South", "10.0.0.51", "South High", (("17", "Alan <b>"), ("40", "Hopper, Grace"))),
        ):
            terminal = added(name, address, site=site)
            store(terminal, [record(user_id, f"2026-03-0{terminal.id} 08:0{number}") for number, (user_id, _name) in enumerate(users)])
            with transaction() as session:
                store_users(session, terminal.id, [TerminalUser(uid, *user) for uid, user in enumerate(users, start=1)], now=NOW)


def test_people_are_created_a_conflict_resolved_and_all_of_it_undone(app: Flask) -> None:
    client = signed_in(app, "admin")
    assert "No people yet" in page(client, PEOPLE)
    shown = page(client, f"{PEOPLE}/conflicts")
    assert ("Create 2 people" in shown, "One name with several user IDs" in shown, "Alan &lt;b&gt;" in shown) == (True, True, True)
    send(client, f"{PEOPLE}/create-from-terminals")
    path = re.search(rf'action="({PEOPLE}/conflicts/[0-9a-f]+)"', page(client, f"{PEOPLE}/conflicts"))
    assert path is not None
    send(client, path[1], choice="rename")
    send(client, path[1], choice="other", day="x")
    send(client, path[1], choice="same")
    answer = client.post(path[1], data={"choice": "same", "csrf_token": csrf_token(client, "/me")}, follow_redirects=True)
    assert "resolved in the meantime" in answer.text
    assert "No conflicts" in page(client, f"{PEOPLE}/conflicts")
    shown = page(client, PEOPLE)
    assert ("3 people" in shown, "Ada Lovelace" in shown, "40" in shown) == (True, True, True)
    assert ("Grace Hopper" in page(client, f"{PEOPLE}?q=hopp"), "Nobody found" in page(client, f"{PEOPLE}?q=nobody")) == (True, True)
    for change in (2, 1):
        send(client, f"{PEOPLE}/changes/{change}/undo")
    assert page(client, f"{PEOPLE}/changes").count("Undone") == 2
    assert "No people yet" in page(client, PEOPLE)
    send(client, f"{PEOPLE}/changes/9/undo", 404)


def test_punches_have_the_name_of_the_person_of_their_site(app: Flask) -> None:
    client = signed_in(app, "admin")
    send(client, PEOPLE, name="Ada King", user_id="17", site="North High", valid_from="")
    shown = page(client, f"/punches?{ALL}")
    assert ("Ada King" in shown, "Ada Lovelace" in shown, "Alan &lt;b&gt;" in shown) == (True, False, True)
    shown = page(client, f"/punches?{ALL}&person=1")
    assert ("Only punches of Ada King" in shown, "Alan &lt;b&gt;" in shown, "Grace" in shown) == (True, False, False)
    assert len(page(client, f"/punches/punches.csv?{ALL}&person=1").splitlines()) == 2
    assert "punch-1" in client.get(f"/punches/rows?{ALL}&person=1&after=0").text
    page(client, "/punches?person=9", 404)
    page(client, "/punches?person=x")


def test_a_person_is_changed_split_merged_and_deleted(app: Flask) -> None:
    client = signed_in(app, "admin")
    page(client, f"{PEOPLE}/new")
    ids = {"user_id": ["17", "18", ""], "site": ["North High", "North High", ""], "valid_from": ["", "2026-03-02", ""]}
    send(client, PEOPLE, name="Ada", notes="Office", **ids)
    shown = page(client, f"{PEOPLE}/1")
    assert ('value="2026-03-02"' in shown, "Office" in shown, "Split into two people" in shown) == (True, True, True)
    for form, problem in (
        ({"name": " ", **ids}, "Enter a name."),
        ({"name": "Ada", "account": "nobody", **ids}, "No account has this name."),
        ({"name": "Ada", **ids, "valid_from": ["x", "", ""]}, "Enter a day"),
        ({"do": "merge", "other": "Grace"}, "Choose another person"),
        ({"do": "merge", "other": "1 Ada"}, "Choose another person"),
        ({"do": "split", "id": ["1", "2"], "split_name": "Grace"}, "but not all"),
    ):
        assert problem in send(client, f"{PEOPLE}/1", 400, **form), form
    send(client, f"{PEOPLE}/1", 404, do="merge", other="99999999999999999999"[:19])
    assert "belongs to Ada" in send(client, PEOPLE, 409, name="Grace", user_id="17", site="north high", valid_from="")
    send(client, f"{PEOPLE}/1", do="split", id="2", split_name="Grace")
    with app.app_context(), reading() as session:
        grace = session.scalars(select(AttendancePerson.id).where(AttendancePerson.name == "Grace")).one()
    assert "Grace" in page(client, f"{PEOPLE}/{grace}")
    send(client, f"{PEOPLE}/1", do="merge", other=f"{grace} Grace")
    page(client, f"{PEOPLE}/{grace}", 404)
    send(client, f"{PEOPLE}/1", name="Ada King", account="", **ids)
    assert "Ada King" in page(client, f"{PEOPLE}/1")
    send(client, f"{PEOPLE}/1", do="delete")
    page(client, f"{PEOPLE}/1", 404)


def test_a_linked_account_sees_its_own_punches_alone(app: Flask) -> None:
    own = signed_in(app, "teacher", "lovelace")
    assert "not linked" in page(own, "/punches/mine")
    unlinked = own.get(f"{OWN_JSON}")
    assert (unlinked.status_code, unlinked.json["code"]) == (404, "person_not_found")
    page(own, PEOPLE, 403)
    admin = signed_in(app, "admin")
    send(admin, PEOPLE, name="Ada", account="Lovelace", user_id="17", site="North High", valid_from="")
    assert "lovelace" in page(admin, PEOPLE)
    shown = page(own, "/punches/mine")
    assert ("2026-03-01 08:00:00" in shown, "08:01:00" in shown, "Alan" in shown, "/punches/people" in shown) == (True, False, False, False)
    assert "2026-03-01 08:00:00" in page(own, "/punches/mine?person=2&user_id=18&from=&to=")
    assert "You have no punches" in page(own, "/punches/mine?from=2026-03-02")
    everything = own.get(f"{OWN_JSON}?page_size=1").json
    assert (everything["count"], [row["user_id"] for row in everything["results"]], everything["next"]) == (1, ["17"], None)
    assert [own.get(f"{OWN_JSON}?{query}").json["count"] for query in ("user_id=18", "device=2", "start_date=2026-03-02")] == [0, 0, 0]
    assert own.get("/api/raw-attendance/").status_code == 403
    assert "already linked to Ada" in send(admin, PEOPLE, 409, name="Grace", account="lovelace")


def test_staff_read_people_without_forms(app: Flask) -> None:
    send(signed_in(app, "admin", "root"), PEOPLE, name="Ada", user_id="17", site="North High", valid_from="2026-03-01")
    client = signed_in(app, "staff", "lee")
    shown = page(client, f"{PEOPLE}/1") + page(client, f"{PEOPLE}/conflicts") + page(client, f"{PEOPLE}/changes") + page(client, PEOPLE)
    assert [each in shown for each in ("from 2026-03-01", "Save person", "Create 1", "Undo", "Add person")] == [True, *[False] * 4]


def test_punches_to_review_link_to_the_person(app: Flask) -> None:
    client = signed_in(app, "admin")
    send(client, PEOPLE, name="Ada King", user_id="17", site="North High", valid_from="")
    with app.app_context():
        times = ("2026-03-01 09:00", "2000-01-01 08:00", "2000-01-01 08:01")
        store(added("Gym", "10.0.0.52", site="north high"), [record(*each) for each in zip(("17", "17", "99"), times, strict=True)])
    shown = page(client, "/punches/review")
    assert (f'href="{PEOPLE}/1"' in shown, "Ada King" in shown, "Unknown" in shown, "Gym" in shown) == (True, True, True, True)


def test_people_are_imported_from_a_file_and_that_is_undone(app: Flask) -> None:
    client = signed_in(app, "admin")
    assert "/punches/people/import" in page(client, PEOPLE)
    assert "Import people" in page(client, f"{PEOPLE}/import")
    data = {"file": (io.BytesIO(b"User ID,Site,Name\n17,North High,Ada Lovelace\n18,,\n"), "people.csv")}
    file = client.post(f"{PEOPLE}/import", data={**data, "csrf_token": csrf_token(client, "/me")}).location
    send(client, f"{file}/preview", user_id="0", site="1", name="2")
    run_job(app, "run-tasks")
    shown = page(client, file)
    assert ("Ada Lovelace, 17 (North High)" in shown, "The name is missing." in shown, "No people yet" in page(client, PEOPLE)) == (
        True,
        True,
        True,
    )
    send(client, f"{file}/import")
    run_job(app, "run-tasks")
    assert "Ada Lovelace" in page(client, PEOPLE)
    assert "Imported" in page(client, f"{PEOPLE}/changes")
    send(client, f"{file}/imports/1/undo")
    run_job(app, "run-tasks")
    assert "No people yet" in page(client, PEOPLE)
    assert "/punches/people/import" not in page(signed_in(app, "staff", "lee"), PEOPLE)
