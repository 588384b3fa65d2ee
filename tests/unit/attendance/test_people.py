"""People and their user IDs: who had an ID when, created from terminals, conflicts, merge, split, and undo."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.attendance import people, people_changes, people_history, people_resolution
from request_tracker_utils.attendance.models import ALWAYS, AttendancePerson, PeopleChange, PersonId, Punch, Source, Terminal
from request_tracker_utils.attendance.people import Identity
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.attendance.people_conflicts import Review, is_same_name, review
from request_tracker_utils.attendance.people_errors import (
    AccountTaken,
    InvalidPersonField,
    NameConflictGone,
    PeopleChangedSince,
    PeopleChangeNotFound,
    PersonNotFound,
    UserIdTaken,
)
from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import Receipt, chunks, prepare, store_punches, store_users
from request_tracker_utils.core.db import db, reading, transaction
from tests.services.attendance import ADA, NOW, added, record

pytestmark = pytest.mark.usefixtures("inside")
BY = {"actor": ADA, "now": NOW}
Change = Callable[..., Any]


def users(terminal: Terminal, *named: tuple[str, str], now: datetime = NOW) -> None:
    with transaction() as session:
        store_users(session, terminal.id, [TerminalUser(number, *each) for number, each in enumerate(named, start=1)], now=now)


def punch(terminal: Terminal, *records: tuple[str, str]) -> None:
    receipt, log = Receipt.of(terminal, Source.POLL, NOW), [record(*each) for each in records]
    with transaction() as session:
        placing = prepare(session, receipt, log, days={each.time.date() for each in log}, follows=False)
        for chunk in chunks(placing.rows(log)):
            store_punches(session, receipt, chunk)


def do(change: Change, *arguments: Any, **named: Any) -> Any:
    """Calls a service in a transaction of its own. A person is returned as their id."""
    with transaction() as session:
        done = change(session, *arguments, **BY, **named)
        return done.id if isinstance(done, AttendancePerson) else done


def person(name: str, *ids: SiteId, **fields: Any) -> int:
    return int(do(people_changes.create, PersonFields(name, ids=ids, **fields)))


def undo_last() -> None:
    with transaction() as session:
        people_history.undo(session, people_history.changes(session, limit=1)[0].id, actor=ADA, now=NOW)


def found() -> Review:
    with reading() as session:
        return review(session)


def state() -> list[tuple[str, str | None, list[tuple[str, str, date]]]]:
    """Everybody by name: notes, and user IDs with site and first day."""
    with reading() as session:
        everybody = people.list_people(session, size=1_000).rows
        ids = people.ids_of(session, [each.id for each in everybody])
        return [(each.name, each.notes, [(id.site, id.user_id, id.valid_from) for id in ids[each.id]]) for each in everybody]


def own_punches(person_id: int) -> list[tuple[int, str, str]]:
    with reading() as session:
        query = select(Punch).where(people.punches_of(session, person_id)).order_by(Punch.terminal_time)
        return [(each.terminal_id, each.user_id, each.terminal_time.isoformat(" ")) for each in session.scalars(query)]


def test_people_are_created_from_the_users_of_terminals_once_and_undone() -> None:
    north, gym, south = added(site="North"), added("Gym", "10.0.0.51", site="north"), added("South", "10.0.0.52", site="South")
    users(north, ("17", "Ada Lovelace"), ("18", "Grace Hopper"), ("19", " "))
    users(gym, ("17", "ADA LOVE"))
    users(south, ("17", "Alan Turing"))
    assert ([each.name for each in found().ready], found().conflicts) == (["Ada Lovelace", "Grace Hopper", "Alan Turing"], [])
    assert do(people_resolution.create_from_terminals) == 3
    assert do(people_resolution.create_from_terminals) == 0
    everybody = state()
    assert [(name, [(site.casefold(), id, since) for site, id, since in ids]) for name, _notes, ids in everybody] == [
        ("Ada Lovelace", [("north", "17", ALWAYS)]),
        ("Alan Turing", [("south", "17", ALWAYS)]),
        ("Grace Hopper", [("north", "18", ALWAYS)]),
    ]
    undo_last()
    assert (state(), len(found().ready)) == ([], 3)
    assert do(people_resolution.create_from_terminals, {Identity("south", "17")}) == 1
    assert [name for name, *_ in state()] == ["Alan Turing"]


def test_two_sites_use_one_id_for_two_people() -> None:
    north, gym, south = added(site="North"), added("Gym", "10.0.0.51", site="NORTH"), added("South", "10.0.0.52", site="South")
    for terminal in (north, gym, south):
        punch(terminal, ("17", "2026-03-02 08:00"), ("18", "2026-03-02 08:00"))
    ada, alan = person("Ada", SiteId("17", "north")), person("Alan", SiteId("17", "South"))
    assert own_punches(ada) == [(north.id, "17", "2026-03-02 08:00:00"), (gym.id, "17", "2026-03-02 08:00:00")]
    assert own_punches(alan) == [(south.id, "17", "2026-03-02 08:00:00")]
    with reading() as session:
        owners = people.owners(session, ["17", "18"])
    assert [owners.on(site, id, date(2026, 3, 2)) for site, id in (("north", "17"), ("south", "17"), ("north", "18"))] == [
        (ada, "Ada"),
        (alan, "Alan"),
        None,
    ]


def test_an_id_that_a_terminal_assigns_again_belongs_to_the_other_person_from_a_day_on() -> None:
    north = added(site="North")
    users(north, ("17", "Ada Lovelace"))
    do(people_resolution.create_from_terminals)
    punch(north, ("17", "2026-02-27 08:00"), ("17", "2026-03-04 08:00"), ("17", "2026-03-05 00:00"), ("17", "2026-03-06 08:00"))
    users(north, ("17", "Grace Hopper"), now=NOW + timedelta(days=2))
    (conflict,) = found().conflicts
    assert (conflict.kind, conflict.since, [each.name for each in conflict.people]) == ("reassigned", date(2026, 3, 4), ["Ada Lovelace"])
    do(people_resolution.resolve, conflict.fingerprint, "other", day=date(2026, 3, 5))
    assert (found().conflicts, found().ready) == ([], [])
    with reading() as session:
        ada, grace = (people.people_named(session, name, limit=1)[0].id for name in ("Ada", "grace hopper"))
        owners = people.owners(session)
    assert [owners.on("north", "17", date(2026, 3, day)) for day in (4, 5)] == [(ada, "Ada Lovelace"), (grace, "Grace Hopper")]
    assert [at for *_, at in own_punches(ada)] == ["2026-02-27 08:00:00", "2026-03-04 08:00:00"]
    assert [at for *_, at in own_punches(grace)] == ["2026-03-05 00:00:00", "2026-03-06 08:00:00"]
    with pytest.raises(NameConflictGone):
        do(people_resolution.resolve, conflict.fingerprint, "same")
    undo_last()
    assert [each.fingerprint for each in found().conflicts] == [conflict.fingerprint]
    assert len(own_punches(ada)) == 4


def test_a_person_says_that_another_name_is_the_same_person() -> None:
    north = added(site="North")
    users(north, ("17", "Ada Byron"))
    do(people_resolution.create_from_terminals)
    users(north, ("17", "Ada Lovelace"))
    (conflict,) = found().conflicts
    do(people_resolution.resolve, conflict.fingerprint, "same")
    assert (found().conflicts, state()[0][0]) == ([], "Ada Byron")
    undo_last()
    do(people_resolution.resolve, conflict.fingerprint, "rename")
    assert (found().conflicts, state()[0][0]) == ([], "Ada Lovelace")
    users(north, ("17", "Ada King"))
    assert [each.kind for each in found().conflicts] == ["reassigned"], "Another name is another conflict."


def test_one_id_with_two_names_at_one_site_is_a_conflict_and_creates_nobody() -> None:
    north, gym = added(site="North"), added("Gym", "10.0.0.51", site="North")
    users(north, ("17", "Ada"), ("18", "Grace"))
    users(gym, ("17", "Alan"), ("18", "GRACE"))
    (conflict,) = found().conflicts
    assert (conflict.kind, {each.name for each in conflict.names}) == ("two_names", {"Ada", "Alan"})
    assert do(people_resolution.create_from_terminals) == 1
    do(people_resolution.resolve, conflict.fingerprint, "same")
    assert (found().conflicts, [each.user_id for each in found().ready]) == ([], ["17"])


@pytest.mark.parametrize(("choice", "expected"), [("same", ["Ada Lovelace"]), ("different", ["Ada Lovelace", "Lovelace, Ada"])])
def test_one_name_with_two_ids_is_one_person_or_two(choice: str, expected: Sequence[str]) -> None:
    users(added(site="North"), ("17", "Ada Lovelace"), ("99", "Lovelace, Ada"))
    (conflict,) = found().conflicts
    assert (conflict.kind, do(people_resolution.create_from_terminals)) == ("same_name", 0)
    do(people_resolution.resolve, conflict.fingerprint, choice)
    do(people_resolution.create_from_terminals)
    assert ([name for name, *_ in state()], found().conflicts) == (expected, [])
    assert sum(len(ids) for *_, ids in state()) == 2


def test_one_name_of_two_people_and_a_new_id_become_one_person() -> None:
    person("Ada", SiteId("17", "North"), notes="Office")
    person("ADA", SiteId("5", "South"), notes="Gym")
    users(added(site="West"), ("7", "ada"))
    (conflict,) = found().conflicts
    do(people_resolution.resolve, conflict.fingerprint, "same")
    assert state() == [("Ada", "Office\nGym", [("North", "17", ALWAYS), ("South", "5", ALWAYS), ("West", "7", ALWAYS)])]


def test_merge_and_split_are_undone_one_after_the_other() -> None:
    ada, other = (
        person("Ada", SiteId("17", "North"), notes="A"),
        person("A. Lovelace", SiteId("5", "South"), SiteId("6", "South"), notes="B"),
    )
    before = state()
    do(people_changes.merge, ada, [other])
    merged = state()
    assert merged == [("Ada", "A\nB", [("North", "17", ALWAYS), ("South", "5", ALWAYS), ("South", "6", ALWAYS)])]
    with reading() as session:
        (six,) = (each.id for each in people.ids_of(session, [ada])[ada] if each.user_id == "6")
    do(people_changes.split, ada, [six], "Grace")
    assert [(name, len(ids)) for name, _notes, ids in state()] == [("Ada", 2), ("Grace", 1)]
    with transaction() as session:
        split, merge = people_history.changes(session, limit=2)
        assert (split.kind, merge.kind, split.actor, split.subject) == (PeopleChange.SPLIT, PeopleChange.MERGED, "ada", "Ada and Grace")
        with pytest.raises(PeopleChangedSince):
            people_history.undo(session, merge.id, **BY)  # type: ignore[arg-type]
        people_history.undo(session, split.id, **BY)  # type: ignore[arg-type]
    assert state() == merged
    with transaction() as session:
        people_history.undo(session, merge.id, **BY)  # type: ignore[arg-type]
    assert state() == before
    for missing, error in ((merge.id, PeopleChangedSince), (999, PeopleChangeNotFound)):
        with pytest.raises(error), transaction() as session:
            people_history.undo(session, missing, **BY)  # type: ignore[arg-type]


def test_an_undo_does_not_take_an_id_that_has_another_person_by_now() -> None:
    ada = person("Ada", SiteId("17"))
    do(people_changes.remove, ada)
    person("Grace", SiteId("17"))
    with transaction() as session:
        removal = people_history.changes(session, limit=2)[1]
        assert removal.kind == PeopleChange.DELETED
    with pytest.raises(PeopleChangedSince), transaction() as session:
        people_history.undo(session, removal.id, **BY)  # type: ignore[arg-type]
    assert [name for name, *_ in state()] == ["Grace"]


def test_a_deleted_person_comes_back_with_ids_and_account() -> None:
    account = _account("ada")
    ada = person("Ada", SiteId("17"), account_id=account)
    do(people_changes.remove, ada)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(PersonId)) == 0
    undo_last()
    with reading() as session:
        again = people.person_of_account(session, account)
        assert again is not None
        assert (again.id, again.name) == (ada, "Ada")
        assert people.person_of_account(session, None) is None


def test_an_account_belongs_to_one_person() -> None:
    account, other = _account("ada"), _account("grace")
    ada, grace = person("Ada", account_id=account), person("Grace", account_id=other)
    with pytest.raises(AccountTaken):
        do(people_changes.change, grace, PersonFields(account_id=account))
    with pytest.raises(AccountTaken):
        do(people_changes.merge, ada, [grace])
    do(people_changes.change, ada, PersonFields(account_id=0))
    do(people_changes.merge, ada, [grace])
    with reading() as session:
        assert people.find_person(session, ada).account_id == other


def test_bad_input_is_refused_and_changes_nothing() -> None:
    ada = person("Ada", SiteId("17", "North"), SiteId("18", "North"))
    with reading() as session:
        own = [each.id for each in people.ids_of(session, [ada])[ada]]
    before = state()
    refused: list[tuple[type[Exception], Change, tuple[Any, ...]]] = [
        (InvalidPersonField, people_changes.create, (PersonFields(" "),)),
        (InvalidPersonField, people_changes.create, (PersonFields("x" * 101),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A\x07"),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A\0"),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A", notes="x" * 2_001),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A", account_id=999),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A", ids=[SiteId(" ")]),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A", ids=[SiteId("1" * 51)]),)),
        (InvalidPersonField, people_changes.create, (PersonFields("A", ids=[SiteId(str(each)) for each in range(101)]),)),
        (UserIdTaken, people_changes.create, (PersonFields("A", ids=[SiteId("17", "NORTH")]),)),
        (UserIdTaken, people_changes.create_all, ([("A", [SiteId("1")]), ("B", [SiteId("1")])],)),
        (UserIdTaken, people_changes.reassign, (SiteId("17", "North"), "Grace")),
        (PersonNotFound, people_changes.reassign, (SiteId("20", "North"), 999)),
        (PersonNotFound, people_changes.change, (999, PersonFields("A"))),
        (PersonNotFound, people_changes.remove, (999,)),
        (PersonNotFound, people_changes.merge, (ada, [999])),
        (InvalidPersonField, people_changes.merge, (ada, [ada])),
        (InvalidPersonField, people_changes.split, (ada, [], "B")),
        (InvalidPersonField, people_changes.split, (ada, own, "B")),
        (InvalidPersonField, people_changes.split, (ada, [999], "B")),
        (InvalidPersonField, people_changes.split, (ada, own[:1], "")),
    ]
    for error, change, arguments in refused:
        with pytest.raises(error):
            do(change, *arguments)
    assert state() == before


def test_people_are_found_by_name_without_case_and_accents_and_by_id() -> None:
    person("José Müller", SiteId("0017", "North"))
    person("Anna 50%", SiteId("A7"))
    asked = {
        "jose": 1,
        "MULLER": 1,
        " josé  müller ": 1,
        "müll": 1,
        "50%": 1,
        "5%0": 0,
        "_": 0,
        "0017": 1,
        "17": 0,
        "A7": 1,
        "": 2,
        "\0": 0,
    }
    with reading() as session:
        assert {text: people.count_people(session, text) for text in asked} == asked
        first = people.list_people(session, size=1)
        assert first.next_cursor is not None
        assert [each.name for each in people.list_people(session, size=1, after=first.next_cursor).rows] == ["José Müller"]


def test_names_are_compared_as_terminals_cut_and_order_them() -> None:
    table = {
        ("Ada Lovelace", "ADA LOVELACE"): True,
        ("Ada Lovelace", "Lovelace, Ada"): True,
        ("José Müller", "jose muller"): True,
        ("Ada Lovelace", "Ada Lov"): True,
        ("Ada Lovelace", "Ada"): False,
        ("Ada", "Ada Lovelace"): False,
        ("Ada Lovelace", "Ada Byron"): False,
    }
    assert {names: is_same_name(*names) for names in table} == table


def _account(name: str) -> int:
    with transaction() as session:
        user = User(name=name, name_key=name, role=Role.STAFF, created_at=datetime(2026, 1, 1, tzinfo=UTC))
        session.add(user)
        session.flush()
        return user.id


def test_creating_and_reviewing_more_people_takes_as_many_queries() -> None:
    """A query for each user ID would take a minute for ten thousand."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    def taken(terminal: Terminal, count: int) -> int:
        users(terminal, *((str(number), f"{terminal.name} {number}") for number in range(count)))
        statements.clear()
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert do(people_resolution.create_from_terminals) == count
            assert found() == Review()
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(statements)

    few = taken(added("North", site="North High"), 10)
    assert taken(added("South", "10.0.0.51", site="South High"), 400) <= few + 3
