"""Finding tickets by words: the same on both databases."""

import pytest
from flask import Flask
from sqlalchemy import text

from request_tracker_utils.cable_tickets import archiving, editing, listing
from request_tracker_utils.cable_tickets.editing import Edit
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.listing import TicketFilter
from request_tracker_utils.core.db import db, reading, transaction
from tests.services.approving import changing, id_of, requested
from tests.services.apps import user
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    for name, role in (("ada", "user"), ("grace", "staff"), ("root", "admin")):
        user(app, role, name)


def found(words: str, **filters: object) -> list[int]:
    with reading() as session:
        tickets = listing.find(session, TicketFilter(text=words, **filters), user_id=id_of("grace"), limit=10)  # type: ignore[arg-type]
        return [ticket.id for ticket in tickets]


def test_words_of_all_fields_find_a_ticket(app: Flask) -> None:
    one = requested(
        "ada", "", Item("Cat6-A", "100ft", "23AWG"), location="Müller Hall", notes="For the conference\nroom’s <b>Beamer</b> 🎉"
    )
    other = requested("ada", "grace", Item("Fiber", "10 m"), Item("Cat6", "50 ft"), location="Annex")

    def finds(words: str, *expected: int) -> None:
        assert found(words) == list(expected)

    check_all(
        [
            ("cat6", other, one),
            ("CAT6 100ft", one),
            ("cat6 100 ft", one),
            ("cat6-a", one),
            ("100'", one),
            ("23awg", one),
            ("10m", other),
            ("muller", one),
            ("MÜLLER", one),
            ("conf", one),
            ("conferen", one),
            ("conference", one),
            ("conferences",),
            ("onference",),
            ("beamer conf", one),
            ("conf beamer",),
            ("ada", other, one),
            ("annex", other),
            ("annex fib", other),
            ("annex muller",),
            ("🎉",),
            ("'",),
            ('"',),
            ("x:* & !y",),
            ('cat6" OR "x',),
            ("cat6 NOT fiber",),
            ("\0",),
            ("%",),
            ("_",),
            ("x" * 200,),
        ],
        finds,
    )


def test_filters_narrow_a_search(app: Flask) -> None:
    mine = requested("grace", "root")
    asked = requested("ada", "grace", priority="high")
    assert found("cat6") == [asked, mine]
    assert found("cat6", mine="created") == [mine]
    assert found("cat6", mine="assigned") == [asked]
    assert found("cat6", priority="high") == [asked]
    assert found("cat6", status="approved") == []
    with reading() as session:
        assert [each.id for each in listing.find(session, TicketFilter(text="cat6"), user_id=None, limit=10, before_id=asked)] == [mine]
        assert [each.id for each in listing.find(session, TicketFilter(mine="assigned"), user_id=id_of("grace"), limit=1)] == [asked]


def test_edited_archived_and_purged_tickets_are_found_by_what_they_are(app: Flask) -> None:
    number = requested("ada", "grace", notes="zebra")
    with changing("ada") as change:
        editing.edit(change, change.locked(number), Edit(notes="giraffe"))
    assert (found("zebra"), found("giraffe")) == ([], [number])
    with changing("ada") as change:
        archiving.archive(change, change.locked(number))
    assert (found("giraffe"), found("giraffe", include_deleted=True)) == ([], [number])
    with changing("root") as change:
        archiving.purge(change, change.locked(number, archived=True))
    assert found("giraffe", include_deleted=True) == []
    if db.engine.dialect.name == "sqlite":
        with transaction() as session:
            session.execute(text("INSERT INTO ticket_words (ticket_words) VALUES ('integrity-check')"))


def test_every_search_has_an_index(app: Flask) -> None:
    """The newest are read in the order of the index: nothing is sorted on SQLite, whatever the planner knows about the rows."""
    if db.engine.dialect.name != "sqlite":
        return
    filters = [
        TicketFilter(),
        TicketFilter(status="approved"),
        TicketFilter(priority="high"),
        TicketFilter(status="approved", priority="high"),
        TicketFilter(mine="created"),
        TicketFilter(mine="created", status="approved"),
        TicketFilter(mine="assigned"),
        TicketFilter(text="cat6"),
        TicketFilter(text="cat6", mine="assigned", status="approved"),
        TicketFilter(text="cat6", mine="created", priority="high"),
    ]

    def is_not_sorted(wanted: TicketFilter) -> None:
        with reading() as session:
            query, order = listing._matching(session, wanted, 1)
            compiled = (
                query.where(order < 100).order_by(order.desc()).limit(5).compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            )
            plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {str(compiled).replace(':', chr(92) + ':')}"))]
        assert not [line for line in plan if "TEMP B-TREE" in line], plan
        assert all("SEARCH" in line or "VIRTUAL" in line or "SUBQUERY" in line for line in plan), plan

    check_all(filters, is_not_sorted)
