"""Who sees which student: every route that may show a person's data, by role and by student. A student who may not be seen is like none.

The routes are those of the program: a new one is called here too.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from request_tracker_utils.accounts.models import User
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.core.db import transaction
from request_tracker_utils.students import service
from request_tracker_utils.students.models import Student
from request_tracker_utils.web import addresses
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import token
from tests.services.school import School
from tests.services.tables import check_all


class Pupil(NamedTuple):
    """A student of the tests, with a number that is not the number of a tag."""

    number: str
    first_name: str
    last_name: str
    school: str
    homeroom: str = ""
    is_active: bool = True

    @property
    def tag(self) -> str:
        return f"W12-{self.number[1:]}"


OWN = Pupil("57001", "Olive", "Ownerson", "North", "R1")
SAME_SCHOOL = Pupil("57002", "Hana", "Homeling", "North", "R2")
OTHER_SCHOOL = Pupil("57003", "Otto", "Othermann", "South", "R1")
LEAVER = Pupil("57004", "Lena", "Leaverton", "North", "R1", is_active=False)
NO_SCHOOL = Pupil("57005", "Nora", "Noschool", "")
PUPILS = [OWN, SAME_SCHOOL, OTHER_SCHOOL, LEAVER, NO_SCHOOL]
UNKNOWN = Pupil("57999", "Ulla", "Unknowns", "North")
"""Not in the database."""
NOTE = "SecretNote"
EVERYBODY = {pupil.number for pupil in PUPILS}
ACTIVE = EVERYBODY - {LEAVER.number}

CALLERS: dict[str, tuple[str, dict[str, Any], str, set[str]]] = {
    "admin": ("admin", {}, "none", EVERYBODY),
    "staff": ("staff", {}, "none", EVERYBODY),
    "teacher of the school": ("teacher", {"school": "North", "homeroom": "R1"}, "school", {OWN.number, SAME_SCHOOL.number}),
    "teacher of the homeroom": ("teacher", {"school": "North", "homeroom": "R1"}, "homeroom", {OWN.number}),
    "teacher of a homeroom elsewhere": ("teacher", {"school": "South", "homeroom": "R1"}, "homeroom", {OTHER_SCHOOL.number}),
    "teacher without a homeroom": ("teacher", {"school": "North"}, "homeroom", set()),
    "teacher without a school": ("teacher", {}, "school", set()),
    "teacher where they see none": ("teacher", {"school": "North", "homeroom": "R1"}, "none", set()),
    "teacher where they see all": ("teacher", {}, "all", ACTIVE),
    "student": ("student", {"student": OWN}, "all", {OWN.number}),
    "student who left": ("student", {"student": LEAVER}, "all", {LEAVER.number}),
    "student without a link": ("student", {}, "all", set()),
    "user": ("user", {}, "all", set()),
}
"""Caller → role, account, TEACHERS_SEE, and the students that the caller sees."""
LIMITED = ("teacher of the school", "teacher of the homeroom", "teacher without a school", "student")


class Caller:
    """Somebody with a token, who reads JSON or pages."""

    def __init__(self, app: Flask, name: str) -> None:
        role, account, self.teachers_see, self.sees = CALLERS[name]
        self.app, self.role = app, role
        self.headers = token(app, role)
        with app.app_context(), transaction() as session:
            user = session.query(User).order_by(User.id.desc()).first()
            values = {key: value for key, value in account.items() if key != "student"}
            if "student" in account:
                values["student_id"] = service.get(session, account["student"].number).id
            if values:
                session.execute(update(User).where(User.id == user.id).values(**values))

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        registry = registry_of(self.app)
        registry.settings = registry.settings.model_copy(update={"teachers_see": self.teachers_see})
        accept = "application/json" if path.startswith("/api/") else "text/html"
        return self.app.test_client().open(path, method=method, headers={**self.headers, "Accept": accept}, **more)

    def get(self, path: str, **query: object) -> TestResponse:
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def is_hidden(self, pupil: Pupil) -> bool:
        return pupil.number not in self.sees


class Town(NamedTuple):
    """The pupils in the database. Each has the device with their number in its tag, which another pupil had before."""

    app: Flask
    assets: dict[str, int]
    """Number of a pupil → the asset of their device."""

    def callers(self, *names: str) -> list[Caller]:
        """In all, if none is named."""
        return [Caller(self.app, name) for name in names or CALLERS]


@pytest.fixture
def town(app: Flask, school: School) -> Iterator[Town]:
    settings, assets = registry_of(app).settings, {}
    for pupil in PUPILS:
        values = {"building": pupil.school, "homeroom": pupil.homeroom, "email": f"{pupil.last_name.lower()}@example.org"}
        school.student(pupil.number, pupil.first_name, pupil.last_name, rt_user=f"{pupil.last_name.lower()}.rt", **values)
    for pupil, before in zip(PUPILS, [*PUPILS[1:], PUPILS[0]], strict=True):
        with app.app_context():
            store = asset_store()
            assets[pupil.number] = asset_id = store.create(NewAsset(pupil.tag, catalog="Chromebooks", serial=f"SN{pupil.number}"))
            store.set_holder(asset_id, f"{pupil.last_name.lower()}.rt")
        school.device(pupil.tag, asset_id=asset_id, serial_number=f"SN{pupil.number}")
        school.assign(pupil.tag, before.number, notes=f"{NOTE} {before.last_name}")
        school.return_device(pupil.tag, notes=f"{NOTE} {before.last_name}")
        school.assign(pupil.tag, pupil.number, notes=f"{NOTE} {pupil.last_name}", due=school.now().date(), accessories=["charger"])
    with school.writing() as session:
        for pupil in PUPILS:
            session.execute(update(Student).where(Student.student_id == pupil.number).values(is_active=pupil.is_active))
    yield Town(app, assets)
    registry_of(app).settings = settings


def shown_in(answer: TestResponse, pupil: Pupil) -> list[str]:
    """What the answer says about the pupil."""
    secrets = [pupil.first_name, pupil.last_name, f"{pupil.last_name.lower()}.rt", f"{pupil.last_name.lower()}@"]
    return [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}", answer.text, re.IGNORECASE)]


def paths_of(app: Flask, town: Town) -> list[str]:
    """Every page and JSON route that is read, about every pupil."""
    found = []
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(addresses.PREFIX) or "GET" not in (rule.methods or set()) or "static" in rule.endpoint:
            continue
        if rule.rule.startswith("/admin/data/"):
            continue  # for administrators only, by test_access; slow
        choices = {
            "student_id": [pupil.number for pupil in PUPILS],
            "asset_tag": [pupil.tag for pupil in PUPILS],
            "asset_id": list(town.assets.values()),
            "username": [f"{pupil.last_name.lower()}.rt" for pupil in PUPILS],
        }
        names = list(rule._converters)
        for values in product(*(choices.get(name, [1 if "Integer" in type(rule._converters[name]).__name__ else "x"]) for name in names)):
            found.append(adapter.build(rule.endpoint, dict(zip(names, values, strict=True))))
    return found


LISTS = ["/students", "/devices", "/api/students", "/api/devices", "/assets", "/students/scan", "/api/scan/recent"]
QUERIES = ["q={tag}&search={tag}", "q={number}&search={number}&student_id={number}", "status=all", "status=holding", "status=checked_out"]


def test_no_route_shows_a_student_whom_the_caller_may_not_see(app: Flask, town: Town) -> None:
    paths = paths_of(app, town)
    assert {"/api/students/57003", "/devices/W12-7003", "/api/devices/W12-7003/history", "/students", "/api/scan/recent", "/assets"} <= set(
        paths
    )
    asked = [query.format(tag=pupil.tag, number=pupil.number) for query in QUERIES for pupil in (OTHER_SCHOOL, LEAVER)]
    paths += [f"{path}?{query}" for path in LISTS for query in dict.fromkeys(asked)]
    shown: dict[str, set[str]] = {}

    def shows_only_visible_ones(caller: Caller, path: str) -> None:
        answer = caller.get(path)
        assert answer.status_code < 500 or "rt-lookup" in path, answer.text[:300]
        for pupil in PUPILS:
            if shown_in(answer, pupil):
                assert not caller.is_hidden(pupil), f"{answer.status_code}: {shown_in(answer, pupil)}"
                shown.setdefault(pupil.number, set()).add(path)
        assert NOTE not in answer.text or caller.role in ("admin", "staff")

    check_all(
        [(caller, path) for caller in town.callers(*LIMITED, "teacher where they see all", "student without a link") for path in paths],
        shows_only_visible_ones,
    )
    # The test can fail: those who may be seen are.
    for pupil in (OWN, SAME_SCHOOL):
        record, device = f"/api/students/{pupil.number}", f"/api/devices/{pupil.tag}/history"
        assert {record, device, "/students", "/api/students", f"/devices/{pupil.tag}", "/api/scan/recent"} <= shown[pupil.number]
    staff = Caller(app, "staff")
    assert all(shown_in(staff.get("/students", status="all"), pupil) for pupil in PUPILS)
    assert NOTE in staff.get(f"/api/devices/{OWN.tag}/history").text


def without_marks(answer: TestResponse, pupil: Pupil) -> str:
    """The answer without what differs in every answer, and without the pupil that was asked for."""
    text = re.sub(r'(nonce|name="csrf_token" type="hidden" value|name="csrf_token" value|name="scan_id" value)="[^"]*"', r"\1", answer.text)
    for said, word in ((pupil.number, "NUMBER"), (pupil.first_name, "FIRST"), (pupil.last_name, "LAST"), (pupil.last_name.lower(), "LAST")):
        text = text.replace(said, word)
    return text


ORACLES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/students/{0.number}", {}),
    ("GET", "/api/students/{0.number}/devices", {}),
    ("GET", "/students/{0.number}", {}),
    *(("GET", f"/api/students?search={{0.{field}}}", {}) for field in ("number", "first_name", "last_name")),
    *(("GET", f"/api/students?status={status}&search={{0.last_name}}", {}) for status in ("active", "inactive", "holding", "assigned")),
    *(("GET", f"/students?status={status}&q={{0.{field}}}", {}) for field in ("number", "last_name") for status in ("all", "holding")),
    ("GET", "/devices?q={0.last_name}", {}),
    ("GET", "/api/devices?search={0.last_name}", {}),
    ("GET", "/assets?q={0.last_name}", {}),
    ("GET", "/assets?holder={0.last_name}.rt", {}),
    ("GET", "/api/scan/recent?student_id={0.number}", {}),
    ("GET", "/api/rt-lookup/student/{0.number}", {}),
    ("GET", "/api/rt-lookup/user/{0.last_name}.rt", {}),
    ("POST", "/api/scan/resolve", {"code": "{0.number}"}),
    ("POST", "/api/scan/resolve", {"code": "{0.number}{0.number}"}),
    ("POST", "/api/scan/resolve", {"code": "]C1{0.number}"}),
    ("POST", "/api/rt-lookup/batch", {"student_ids": ["{0.number}"]}),
]
"""Calls that name a student."""


@pytest.mark.both_databases
def test_a_student_who_may_not_be_seen_is_like_none(town: Town) -> None:
    def answers_alike(caller: Caller, pupil: Pupil, method: str, path: str, body: dict[str, Any]) -> None:
        said = []
        for each in (pupil, UNKNOWN):
            values = {
                key: [text.format(each) for text in value] if isinstance(value, list) else value.format(each) for key, value in body.items()
            }
            answer = caller.call(method, path.format(each), **({"json": values} if body else {}))
            said.append((answer.status_code, answer.headers.get("Location"), without_marks(answer, each)))
        assert said[0] == said[1]

    rows = [
        (caller, pupil, *oracle)
        for caller in town.callers(*LIMITED)
        for pupil in (OTHER_SCHOOL, LEAVER)
        if caller.is_hidden(pupil)
        for oracle in ORACLES
        if oracle[0] == "GET" or caller.role != "student"
    ]
    check_all(rows, answers_alike)


@pytest.mark.both_databases
def test_counts_and_lists_are_those_of_the_students_who_may_be_seen(town: Town) -> None:
    def counts_what_it_shows(caller: Caller) -> None:
        listed = caller.get("/api/students").get_json()
        assert {row["student_id"] for row in listed["results"]} == caller.sees
        assert listed["count"] == len(caller.sees)
        for status in ("active", "assigned", "pending", "holding", "inactive"):
            found = caller.get("/api/students", status=status).get_json()
            assert found["count"] == len(found["results"]), status
        stats = caller.get("/api/students/stats").get_json()
        left = len(caller.sees & {LEAVER.number})
        assert (stats["totals"]["students"], stats["totals"]["holding"]) == (len(caller.sees) - left, left)
        assert sum(row["students"] for row in stats["by_grade"]) == len(caller.sees) - left
        assert stats["totals"]["devices"] == len(PUPILS)  # devices are no students
        devices = caller.get("/api/devices").get_json()["results"]
        assert {row["current_student_id"] for row in devices} - {None} == caller.sees
        assert {row["status"] for row in devices} == {"checked_out"}

    check_all([caller for caller in town.callers() if caller.role not in ("student", "user")], counts_what_it_shows)


def test_a_teacher_who_sees_nobody_learns_what_the_account_lacks(town: Town) -> None:
    (caller,) = town.callers("teacher without a school")

    def says(setting: str, sentence: str) -> None:
        caller.teachers_see = setting
        assert sentence in caller.get("/students").get_data(as_text=True)

    check_all(
        [
            ("none", "Teachers do not see students here."),
            ("school", "Ask your IT office to add your school to your account."),
            ("homeroom", "Ask your IT office to add your school and homeroom to your account."),
        ],
        says,
    )


@pytest.mark.both_databases
def test_a_cursor_does_not_tell_where_a_hidden_student_is_in_the_order(town: Town, school: School) -> None:
    teacher = Caller(town.app, "teacher of the school")
    visible, hidden = school.student_now(SAME_SCHOOL.number).id, school.student_now(OTHER_SCHOOL.number).id
    after_own = teacher.get("/api/students", after=f"0.{visible}").get_json()["results"]
    assert [row["student_id"] for row in after_own] == [OWN.number]
    for query in ({}, {"search": "o"}, {"sort": "-grade"}):
        answers = [teacher.get("/api/students", after=f"0.{row_id}", **query).get_json()["results"] for row_id in (hidden, 999_999)]
        assert answers[0] == answers[1]


def test_a_student_sees_their_own_record_and_devices_and_no_others(town: Town) -> None:
    student, unlinked = Caller(town.app, "student"), Caller(town.app, "student without a link")
    asset = town.assets[OWN.number]
    assert student.get(f"/assets/{asset}").headers["Location"] == f"/devices/{OWN.tag}"
    page = student.get(f"/devices/{OWN.tag.lower()}").text
    assert all(text in page for text in (OWN.tag, "charger", "Chromebook 3100", "due 2026-08-17", "Report a problem"))
    for path in ("/", "/my/devices"):
        assert all(text in student.get(path).text for text in (OWN.tag, "charger", "due 2026-08-17", "Tell your teacher or your IT office"))
        assert "They need your student number" in unlinked.get(path).text
    assert all(text in student.get("/my/record").text for text in (OWN.first_name, OWN.last_name, OWN.number, "R1", "North", "Received"))
    assert "They need your student number" in unlinked.get("/my/record").text
    assert student.get(f"/api/students/{OWN.number}").get_json()["student_id"] == OWN.number
    assert student.get(f"/api/students/{OWN.number}/devices").get_json()["devices"][0]["asset_tag"] == OWN.tag
    assert student.get(f"/api/devices/{OWN.tag}").get_json()["current_student_id"] == OWN.number

    def is_not_found(caller: Caller, path: str, other: str) -> None:
        answers = [caller.get(each) for each in (path, other)]
        assert [answer.status_code for answer in answers] == [404, 404]
        said = [
            re.sub(r'nonce="[^"]*"', "", answer.text).replace(each.split("/")[-1], "IT")
            for answer, each in zip(answers, (path, other), strict=True)
        ]
        assert said[0] == said[1]

    rows = [
        (student, f"/devices/{SAME_SCHOOL.tag}", "/devices/W12-9999"),
        (student, f"/api/devices/{SAME_SCHOOL.tag}", "/api/devices/W12-9999"),
        (student, f"/assets/{town.assets[SAME_SCHOOL.number]}", "/assets/999999"),
        (unlinked, f"/devices/{OWN.tag}", "/devices/W12-9999"),
        (unlinked, f"/assets/{asset}", "/assets/999999"),
    ]
    check_all(rows, is_not_found)


def test_a_device_that_was_returned_is_not_the_students_any_more(town: Town, school: School) -> None:
    student = Caller(town.app, "student")
    school.return_device(OWN.tag)
    assert [student.get(path).status_code for path in (f"/devices/{OWN.tag}", f"/assets/{town.assets[OWN.number]}")] == [404, 404]
    assert OWN.tag in student.get("/my/record").text  # its history is theirs


def test_teachers_see_neither_holders_of_assets_nor_search_by_them(town: Town) -> None:
    teacher, staff = Caller(town.app, "teacher of the school"), Caller(town.app, "staff")
    asset, holder = f"/assets/{town.assets[OWN.number]}", f"{OWN.last_name.lower()}.rt"
    assert (holder in staff.get(asset).text, holder in teacher.get(asset).text) == (True, False)
    assert (OWN.tag in staff.get("/assets", holder=holder).text, teacher.get("/assets", holder=holder).status_code) == (True, 403)
    assert "Holder" not in teacher.get("/assets").text
