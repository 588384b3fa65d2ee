"""Accounts, as administrators make and change them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from request_tracker_utils.accounts import service, tokens
from request_tracker_utils.accounts.models import LoginKind, PersonalToken
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import reading, transaction
from tests.functional.accounts.records import account, made, recorded
from tests.services.apps import PASSWORD
from tests.services.people import Person, errors_in, link_in, text_of

CHOSEN = "tulips on the moon"


@pytest.fixture
def bob(app: Flask) -> int:
    return made(app, "staff", "bob")


def bearer(app: Flask, name: str) -> dict[str, str]:
    with app.app_context(), transaction() as session:
        text = tokens.create(session, service.user_named(session, name), label="script", now=datetime.now(UTC))
    return {"Authorization": f"Bearer {text}"}


def test_a_new_person_chooses_a_password_with_a_link_that_works_once(app: Flask, admin: Person) -> None:
    answer = admin.submit("/admin/people/new", name="carol", email="carol@example.org", role="teacher")
    link = link_in(answer)
    carol = account(app, "carol")
    assert (carol.role, carol.email, carol.password_hash) == ("teacher", "carol@example.org", None)
    assert link not in admin.read(f"/admin/people/{carol.id}")
    assert "no password yet" in admin.read("/admin/people")

    browser = Person(app)
    assert "carol" in browser.read(link)
    assert browser.choose_password(link, CHOSEN).status_code == 303
    assert browser.is_signed_in()
    assert Person(app).get(link).status_code == 404
    assert Person(app).choose_password(link, "another one entirely").status_code == 404
    assert Person(app, "carol", password=CHOSEN).is_signed_in()
    assert "no password yet" not in admin.read("/admin/people")


def test_a_password_that_does_not_fit_leaves_the_link_good(app: Flask, admin: Person) -> None:
    link = link_in(admin.submit("/admin/people/new", name="carol", role="staff"))
    browser = Person(app)
    for unfit in ("short", "Password123!", "carolcarol1"):
        answer = browser.choose_password(link, unfit)
        assert (answer.status_code, list(errors_in(answer))) == (400, ["password"])
    assert browser.choose_password(link, CHOSEN).status_code == 303


def test_a_password_link_expires_after_three_days(app: Flask, admin: Person) -> None:
    link = link_in(admin.submit("/admin/people/new", name="carol", role="staff"))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3, minutes=1)):
        assert Person(app).get(link).status_code == 404


def test_a_new_link_invalidates_the_previous_one_and_the_old_password_works_until_then(app: Flask, admin: Person, bob: int) -> None:
    at_work = Person(app, "bob")
    first, second = (link_in(admin.submit(f"/admin/people/{bob}/password-link")) for _ in range(2))
    assert Person(app).get(first).status_code == 404
    assert Person(app, "bob").is_signed_in()
    assert Person(app).choose_password(second, CHOSEN).status_code == 303
    assert not at_work.is_signed_in()
    assert Person(app).submit("/sign-in", name="bob", password=PASSWORD).status_code == 400


def test_changes_of_role_and_address_apply_immediately(app: Flask, admin: Person, bob: int) -> None:
    at_work = Person(app, "bob")
    assert at_work.get("/assets/create").status_code == 200
    assert admin.submit(f"/admin/people/{bob}", role="student", email="bob@example.org").status_code == 303
    changed = account(app, "bob")
    assert (changed.role, changed.email) == ("student", "bob@example.org")
    assert at_work.get("/assets/create").status_code == 403
    assert recorded(app, LoginKind.CHANGED)[-1].detail == "role staff → student, email address, by ada"


def test_a_deactivated_person_is_out_with_the_next_request(app: Flask, admin: Person, bob: int) -> None:
    at_work, script = Person(app, "bob"), bearer(app, "bob")
    link = link_in(admin.submit(f"/admin/people/{bob}/password-link"))
    assert at_work.get("/next-asset-tag", headers=script).status_code == 200

    assert admin.submit(f"/admin/people/{bob}/state", active="no").status_code == 303
    assert not at_work.is_signed_in()
    assert Person(app).get("/next-asset-tag", headers=script).status_code == 401
    assert Person(app).get(link).status_code == 404
    assert "name or the password is wrong" in text_of(Person(app).submit("/sign-in", name="bob", password=PASSWORD))
    assert admin.submit(f"/admin/people/{bob}/password-link").status_code == 409


def test_an_activated_person_signs_in_again_and_what_was_dead_stays_dead(app: Flask, admin: Person, bob: int) -> None:
    at_work, script = Person(app, "bob"), bearer(app, "bob")
    link = link_in(admin.submit(f"/admin/people/{bob}/password-link"))
    for active in ("no", "yes"):
        admin.submit(f"/admin/people/{bob}/state", active=active)
    assert Person(app, "bob").is_signed_in()
    assert not at_work.is_signed_in()
    assert Person(app).get("/next-asset-tag", headers=script).status_code == 401
    assert Person(app).get(link).status_code == 404


def test_an_administrator_lists_and_ends_sessions(app: Flask, admin: Person, bob: int) -> None:
    at_work = Person(app, "bob", address="198.51.100.9")
    page = admin.read(f"/admin/people/{bob}")
    assert ("198.51.100.9" in page, "Firefox, Linux" in page, "this browser" in page) == (True, True, False)
    assert admin.submit(f"/admin/people/{bob}/sessions/end").status_code == 303
    assert not at_work.is_signed_in()
    assert admin.is_signed_in()
    assert "this browser" in admin.read(f"/admin/people/{account(app, 'ada').id}")


def test_an_administrator_revokes_tokens(app: Flask, admin: Person, bob: int) -> None:
    script = bearer(app, "bob")
    made(app, "staff", "carol")
    bearer(app, "carol")
    with app.app_context(), reading() as session:
        numbers = {token.user_id: token.id for token in session.query(PersonalToken)}
    carols = numbers[account(app, "carol").id]
    assert admin.submit(f"/admin/people/{bob}/tokens/{carols}/revoke").status_code == 404
    assert admin.submit(f"/admin/people/{bob}/tokens/{numbers[bob]}/revoke").status_code == 303
    assert Person(app).get("/next-asset-tag", headers=script).status_code == 401
    assert recorded(app, LoginKind.CHANGED)[-1].detail == "token “script” revoked by ada"


UNFIT = {
    "name": ["adа", "ｂob", "bo b", "bob\u200b", "x" * 61, "-carol", "   ", "", "ADA"],  # the first one's end is Cyrillic
    "email": ["carol", "carol@", "a b@example.org", f"{'x' * 250}@example.org"],
    "role": ["principal", "", "Admin"],
}


def test_invalid_fields_are_marked_and_create_no_account(app: Flask, admin: Person) -> None:
    for field, values in UNFIT.items():
        for value in values:
            answer = admin.submit("/admin/people/new", **{"name": "carol", "email": "", "role": "staff", field: value})
            assert (answer.status_code, list(errors_in(answer))) == (400, [field]), value
    with app.app_context(), reading() as session:
        assert [user.name for user in service.all_users(session)] == ["ada"]


def test_an_invalid_change_leaves_the_account_unchanged(app: Flask, admin: Person, bob: int) -> None:
    for field in ("email", "role"):
        for value in UNFIT[field]:
            answer = admin.submit(f"/admin/people/{bob}", **{"role": "teacher", "email": "", field: value})
            assert (answer.status_code, list(errors_in(answer))) == (400, [field]), value
    assert account(app, "bob").role == "staff"


def test_people_are_found_by_part_of_name_or_address_by_role_and_by_state(app: Flask, admin: Person) -> None:
    for name, role, email in (("b.marley", "staff", "rasta@example.org"), ("m_curie", "teacher", ""), ("MCURIE", "student", "")):
        admin.submit("/admin/people/new", name=name, role=role, email=email)
    admin.submit(f"/admin/people/{account(app, 'mcurie').id}/state", active="no")

    def found(query: str) -> set[str]:
        page = admin.read(f"/admin/people?{query}")
        return {name for name in ("ada", "b.marley", "m_curie", "MCURIE") if f">{name}</a>" in page.split("<main", 1)[1]}

    assert found("") == {"ada", "b.marley", "m_curie", "MCURIE"}
    assert found("q=MARL") == found("q=rasta@") == {"b.marley"}
    assert found("q=cURIe") == {"m_curie", "MCURIE"}
    assert found("q=m_c") == {"m_curie"}
    assert found("q=%25") == found("q=nobody") == set()
    assert found("role=teacher") == {"m_curie"}
    assert found("state=deactivated") == {"MCURIE"}
    assert found("state=active&q=curie") == {"m_curie"}
    assert "No people found" in admin.read("/admin/people?q=nobody")


def test_more_than_fifty_people_are_shown_on_pages(app: Flask, admin: Person) -> None:
    with app.app_context(), transaction() as session:
        for number in range(60):
            service.create_user(session, name=f"student{number:02}", role="student", actor=of_command(), now=datetime.now(UTC))
    first = admin.read("/admin/people?role=student")
    assert ("student49" in first, "student50" in first, "Next →" in first, "← Previous" in first) == (True, False, True, False)
    following = first.split('rel="next" href="', 1)[1].split('"', 1)[0]
    second = admin.read(following)
    assert ("student49" in second, "student50" in second, "ada</a></td>" in second, "Next →" in second) == (False, True, False, False)


def test_odd_numbers_in_addresses_are_no_fault(admin: Person) -> None:
    for page in ("0", "-1", "x", "9" * 30):
        assert admin.get(f"/admin/people?page={page}").status_code == 200
    for number in ("4711", "0", "9" * 30):
        person = f"/admin/people/{number}"
        assert admin.get(person).status_code in (400, 404)
        assert admin.submit(person, role="admin", email="").status_code in (400, 404)
        for path in ("/state", "/password-link", "/rt-user", "/sessions/end", "/tokens/1/revoke"):
            assert admin.submit(person + path, active="no").status_code in (400, 404), person + path
