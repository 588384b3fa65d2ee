"""Who is asked to decide a ticket."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event

from request_tracker_utils.cable_tickets import approvers
from request_tracker_utils.cable_tickets.creating import Draft, create
from request_tracker_utils.cable_tickets.errors import InvalidTicketField
from request_tracker_utils.cable_tickets.form_choices import default_names
from request_tracker_utils.cable_tickets.rules import relation
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.core.db import reading
from tests.services.approving import CABLE, NOW, absent, actor, asked, changed, changing, events, id_of, requested, ticket
from tests.services.apps import user
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    for name in ("ada", "grace", "linus", "bob"):
        user(app, "staff", name)


def test_the_chosen_person_or_the_default_approvers_are_asked(app: Flask) -> None:
    user(app, "admin", "root")
    user(app, "admin", "second")
    user(app, "student", "pupil")
    changed("linus", active=False)
    assert asked(requested(to="grace")) == {"grace": ""}
    assert asked(requested()) == {"root": "", "second": ""}, "all administrators"
    assert asked(requested("root")) == {"second": ""}, "nobody is asked about their own request"
    names = ("Grace", "LINUS", "pupil", "ada", "nobody")
    assert asked(requested(default_approvers=names)) == {"grace": ""}, "names in any case; without students and deactivated accounts"


def test_the_form_names_those_who_are_asked(app: Flask) -> None:
    user(app, "admin", "root")
    user(app, "student", "pupil")
    changed("linus", active=False)

    def check(by: str, names: tuple[str, ...]) -> None:
        with reading() as session:
            shown = default_names(session, names, creator_id=id_of(by))
        assert {*shown} == {*asked(requested(by, default_approvers=names))}

    check_all([("ada", ()), ("root", ()), ("ada", ("Grace", "pupil")), ("ada", ("linus", "nobody")), ("grace", ("GRACE",))], check)


def test_an_administrator_who_is_alone_decides_their_own_request(app: Flask) -> None:
    user(app, "admin", "root")
    assert asked(requested("root")) == {"root": ""}


def test_people_who_may_not_decide_are_not_asked(app: Flask) -> None:
    user(app, "student", "pupil")
    changed("linus", active=False)

    def refused(by: str, to: str, words: str) -> None:
        with pytest.raises(InvalidTicketField, match=words) as error:
            requested(by, to)
        assert error.value.fields == {"field": "assigned_to_id"}

    check_all([("ada", "ada", "people cannot approve their own"), ("ada", "linus", "No active"), ("ada", "pupil", "No active")], refused)
    number = requested(to="grace")
    with pytest.raises(InvalidTicketField, match="No active account"), changing("ada") as change:
        approvers.ask(change, change.locked(number), 2**70)
    with pytest.raises(InvalidTicketField, match="Nobody can approve this"):
        requested(default_approvers=("linus",))


def test_the_substitute_of_an_absent_person_is_asked_too_and_decides_for_them() -> None:
    absent("grace", "bob")
    number = requested(to="grace")
    assert asked(number) == {"grace": "", "bob": "grace"}
    with changing("bob") as change:
        step(change, change.locked(number), TicketStatus.APPROVED)
    assert ticket(number).decided_by == "bob for grace"
    assert events(number)[-1] == ("approved", "bob for grace")
    number = requested(to="grace")
    with changing("grace") as change:
        step(change, change.locked(number), TicketStatus.REJECTED, reason="No")
    assert ticket(number).decided_by == "grace"


def test_chains_of_substitutes_end_with_somebody_who_is_there() -> None:
    today, tomorrow = NOW.date(), NOW.date() + timedelta(days=1)
    absent("grace", "bob")
    absent("bob", "linus")
    assert asked(requested(to="grace")) == {"grace": "", "linus": "grace"}
    assert asked(requested("linus", "grace")) == {"grace": ""}, "the only substitute is the creator"
    changed("linus", active=False)
    assert asked(requested(to="grace")) == {"grace": ""}
    changed("linus", active=True)
    absent("linus", "grace", tomorrow, tomorrow)
    assert asked(requested(to="grace", now=NOW)) == {"grace": "", "linus": "grace"}, "the absence begins tomorrow"
    absent("linus", "grace", today, today)
    assert asked(requested(to="grace")) == {"grace": ""}, "a circle"


def test_an_own_right_comes_before_that_of_a_substitute() -> None:
    absent("grace", "bob")
    assert asked(requested(default_approvers=("grace", "bob"))) == {"grace": "", "bob": ""}


def test_asking_somebody_else_ends_what_others_may() -> None:
    number = requested(to="grace")
    linus = id_of("linus")
    with changing("ada") as change:
        locked = change.locked(number)
        locked.revision += 1
        approvers.ask(change, locked, linus)
    assert asked(number) == {"linus": ""}
    with reading() as session:
        found = {name: relation(session, ticket(number), actor(name)).is_asked for name in ("grace", "linus", "bob")}
    assert found == {"grace": False, "linus": True, "bob": False}


def test_asking_again_asks_the_same_person_as_long_as_they_can_decide() -> None:
    number, later = requested(to="grace"), NOW + timedelta(days=2)
    with changing("ada", now=later, default_approvers=("bob",)) as change:
        approvers.ask_again(change, change.locked(number))
    assert (asked(number), ticket(number).waiting_since) == ({"grace": ""}, later)
    changed("grace", active=False)
    with changing("ada", default_approvers=("bob",)) as change:
        approvers.ask_again(change, change.locked(number))
    assert (asked(number), ticket(number).assigned_to_id) == ({"bob": ""}, None), "grace is deactivated, so others are asked"


def test_several_approvers_are_written_together(app: Flask) -> None:
    for number in range(20):
        user(app, "admin", f"chief{number}")
    statements: list[tuple[str, object]] = []
    with changing("ada") as change:
        listener = change.session.connection()
        event.listen(listener, "before_cursor_execute", lambda _c, _u, sql, values, *_: statements.append((sql, values)))
        create(change, Draft([CABLE]))
    written = [values for sql, values in statements if "INTO ticket_approvers" in sql]
    assert len(written) == 1
    assert sum("FROM ticket_approvers" in sql for sql, _values in statements) < 6
