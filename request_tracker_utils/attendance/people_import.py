"""Imports of people from a file: user IDs with names, accounts and notes. Each part of a file is one change of people, which an undo
reverts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from request_tracker_utils.attendance import people_history
from request_tracker_utils.attendance.models import ALWAYS, AttendancePerson, PeopleChange, PersonId
from request_tracker_utils.attendance.people_changes import SiteId, checked_name, checked_notes, rename
from request_tracker_utils.attendance.people_errors import InvalidPersonField, PeopleChangedSince
from request_tracker_utils.attendance.people_matching import Match, Matching, PersonRow, Refused, Target, row_key
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.text import clean, search_key
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes, FollowedUp
from request_tracker_utils.imports.errors import ImportNotUndoable
from request_tracker_utils.imports.identifiers import spoiled_problem
from request_tracker_utils.imports.row_types import KEY_AND_IDENTITY, Change, Chunk, Field, Plan, ReadChanges, RowType, Values, Wording

_TABLE = cast(Table, AttendancePerson.__table__)
_LOOKED_UP = 500
DAY_FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
Parse = Callable[[str], Any]
Matches = dict[str, Match]
FIELDS: Mapping[str, Field] = {
    "user_id": Field(
        gettext_noop("User ID"),
        frozenset({"user id", "userid", "id", "pin", "badge", "badge number", "enroll number", "ac no", "person id"}),
    ),
    "site": Field(gettext_noop("Site"), frozenset({"site", "school", "building", "location", "campus"})),
    "name": Field(gettext_noop("Name"), frozenset({"name", "full name", "person", "employee", "employee name", "display name"})),
    "account": Field(
        gettext_noop("Account"), frozenset({"account", "username", "user name", "login", "email", "e mail", "email address", "mail"})
    ),
    "valid_from": Field(gettext_noop("First day"), frozenset({"first day", "valid from", "from", "since", "start date", "start"})),
    "notes": Field(gettext_noop("Notes"), frozenset({"notes", "note", "comment"})),
}


class PeopleRows(RowType):
    """Rows about a user ID at a site. Each row's second step, which the importer passes on, is its PersonRow."""

    name = "people"
    fields = FIELDS
    preview_task, import_task, undo_task = "preview-people", "import-people", "undo-people-import"
    identity_column, key_column = "identity", "key"
    shown_columns = ("name", "account", "valid_from", "notes")
    name_columns: ClassVar[Sequence[str]] = ("name",)
    text_columns = frozenset({"name"})
    wording = Wording(
        import_title=gettext_noop("Import people"),
        record=gettext_noop("User ID"),
        records=gettext_noop("people with punches"),
        introduction=gettext_noop("Choose a file with a row for each user ID of a person at a site."),
        help=gettext_noop(
            "The user ID is required, and the name for new people. Terminals of one site share their user IDs: the site is the one that "
            "the terminals have. Rows with one account are one person; accounts are found by name or e-mail address. Empty cells change "
            "nothing. A user ID goes to another person only if the file has its first day."
        ),
        undo_refused=gettext_noop(
            "The import cannot be undone, because some of its people have changed since then: %(names)s. Undo these changes first."
        ),
        follow_up=gettext_noop("change of user IDs"),
        follow_ups=gettext_noop("changes of user IDs"),
    )

    def parse(self, values: Values, *, is_complete: bool = False) -> tuple[dict[str, Any], Any]:
        parsed = {name: parse(values.get(name, "")) for name, parse in _parsers(values).items()}
        is_dated = "valid_from" in parsed
        site_id = SiteId(parsed["user_id"], parsed["site"], parsed.get("valid_from") or ALWAYS)
        row = PersonRow(site_id, is_dated, parsed.get("name", ""), parsed.get("account", ""), parsed.get("notes", ""))
        own = {name: parsed[name] for name in self.shown_columns if name in parsed}
        return {"key": row_key(site_id, is_dated=is_dated), "identity": str(site_id), **own}, row

    def explain(self, values: Values) -> tuple[str, list[str]]:
        messages = []
        for name, parse in _parsers(values).items():
            try:
                parse(values.get(name, ""))
            except Invalid as error:
                messages.append(error.message)
        return "", messages

    def plan(self, session: Session, chunk: Chunk) -> Plan:
        return _matched(session, chunk)[0]

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
        changes = Changes(now)
        if not plan.new and not plan.changed:
            return changes
        people_history.lock(session)
        again, matches = _matched(session, chunk)
        if again != plan:
            raise bulk.ConcurrentChange
        targets = {each.target.id: each.target for each in matches.values() if each.adds_id or each.before}
        existing = sorted(each for each in targets if each > 0)
        with people_history.recorded(session, PeopleChange.IMPORTED, existing, actor=actor, now=now, subject=source) as recording:
            people = _written(session, targets, now)
            changes.created = [people[each].id for each in targets if each < 0]
            recording.people |= set(changes.created)
            for key, match in matches.items():
                if match.adds_id:
                    session.add(_id_row(chunk.follow_ups[key].site_id, people[match.target.id], actor, now))
        changes.changed = [(each, bulk.stored_time(session, targets[each].updated_at)) for each in existing]
        anyone, before = changes.changed[0] if existing else (changes.created[0], bulk.stored_time(session, now))
        changes.follow_ups = [FollowedUp(anyone, before, recording.change_id)]
        return changes

    def lock_for_undo(self, session: Session, read: ReadChanges, *, now: datetime) -> None:
        people_history.lock(session)

    def unchanged(self, session: Session, ids: Sequence[int], *, since: datetime, created: bool = False) -> set[int]:
        return set(session.scalars(select(_TABLE.c.id).where(bulk.id_in(session, _TABLE, ids), _TABLE.c.updated_at == since)))

    def undo(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        for step in changes.follow_ups:
            try:
                people_history.undo(session, step.reference, actor=actor, now=now)
            except PeopleChangedSince as error:
                raise ImportNotUndoable(_("The import cannot be undone. %(problem)s", problem=error.message)) from error

    def names(self, session: Session, ids: Sequence[int]) -> list[str]:
        return list(session.scalars(select(_TABLE.c.name).where(_TABLE.c.id.in_(ids)).order_by(_TABLE.c.name_key, _TABLE.c.id)))

    def describe(self, identity: str, values: Mapping[str, Any]) -> str:
        return f"{values['name']}, {identity}" if values.get("name") else identity


def _parsers(values: Values) -> dict[str, Parse]:
    """Field → its parser, of the user ID, the site, and those that are in the file. Parsers raise InvalidPersonField."""
    optional: dict[str, Parse] = {
        "name": lambda text: checked_name(text) if clean(text).strip() else "",
        "account": lambda text: " ".join(clean(text).replace("\0", "\ufffd").split()),
        "valid_from": _day,
        "notes": checked_notes,
    }
    found: dict[str, Parse] = {"user_id": _user_id, "site": lambda text: SiteId("0", text).checked().site}
    return found | {name: parse for name, parse in optional.items() if name in values}


def _user_id(text: str) -> str:
    if problem := spoiled_problem(text.strip(), _("user ID")):
        raise InvalidPersonField(problem, field="user_id")
    return SiteId(text).checked().user_id


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    for form in DAY_FORMS:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 — a day has no zone
        except ValueError:
            continue
    raise InvalidPersonField(_("Enter a day, such as 2026-03-02."), field="valid_from")


def _matched(session: Session, chunk: Chunk) -> tuple[Plan, Matches]:
    """What the rows change, and what each of them that changes anything does."""
    plan, matches, columns = Plan(), Matches(), chunk.columns[KEY_AND_IDENTITY:]
    if not chunk.values:
        return plan, matches
    matching = Matching(session, [chunk.follow_ups[key] for key in chunk.values])
    for key, values in chunk.values.items():
        try:
            match = matching.match(chunk.follow_ups[key])
        except Refused as refused:
            plan.refused.append((key, [str(refused)]))
            continue
        if match.adds_id:
            plan.new.append(key)
        elif match.before:
            shown = zip(columns, values[KEY_AND_IDENTITY:], strict=True)
            before = tuple(match.before.get(name, value) for name, value in shown)
            plan.changed.append(Change(key, match.target.id, before, (), match.target.updated_at))
        else:
            plan.unchanged += 1
            continue
        matches[key] = match
    return plan, matches


def _written(session: Session, targets: Mapping[int, Target], now: datetime) -> dict[int, AttendancePerson]:
    """Creates and changes people. By the IDs of the targets."""
    existing = [each for each in targets if each > 0]
    found: dict[int, AttendancePerson] = {}
    for start in range(0, len(existing), _LOOKED_UP):
        part = session.scalars(select(AttendancePerson).where(AttendancePerson.id.in_(existing[start : start + _LOOKED_UP])))
        found |= {each.id: each for each in part}
    for number, target in targets.items():
        if target.is_new:
            found[number] = AttendancePerson(name=target.name, name_key=search_key(target.name), created_at=now)
            session.add(found[number])
        person = found[number]
        if person.name != target.name:
            rename(session, person, target.name)
        person.account_id = target.account.id if target.account else None
        person.notes, person.updated_at = target.notes, now
    session.flush()
    return found


def _id_row(site_id: SiteId, person: AttendancePerson, actor: Actor, now: datetime) -> PersonId:
    values = {"site": site_id.site, "site_key": site_id.identity.site_key, "user_id": site_id.user_id, "valid_from": site_id.valid_from}
    return PersonId(person_id=person.id, **values, created_by=actor.name, created_at=now)
