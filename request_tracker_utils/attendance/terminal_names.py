"""What lists of terminals and punches look up by ID: names and sites of terminals, and names of their users."""

from collections.abc import Collection, Iterable

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from request_tracker_utils.attendance.models import Punch, Terminal, TerminalUserRow

_LOOKED_UP = 500
"""Users in one query."""


def terminal_names(session: Session) -> dict[int, str]:
    """The names of all terminals, by ID, in the order of their names."""
    query = select(Terminal.id, Terminal.name).order_by(Terminal.name_key, Terminal.id)
    return dict(session.execute(query).all())


def site_keys(session: Session) -> dict[int, str]:
    """The sites of all terminals, by ID, as `people.Identity` has them."""
    return dict(session.execute(select(Terminal.id, Terminal.site_key)).all())


def only_pushing(session: Session) -> set[int]:
    """IDs of the terminals that are never polled. They do not report how many records they have of each day."""
    return set(session.scalars(select(Terminal.id).where(Terminal.address.is_(None))))


def user_names(session: Session, punches: Iterable[Punch]) -> dict[tuple[int, str], str]:
    """What terminals call the users of these punches, by terminal and user ID; without users that have no name."""
    return names_of_users(session, {(punch.terminal_id, punch.user_id) for punch in punches})


def names_of_users(session: Session, users: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """What terminals call these users, by terminal and user ID; without users that have no name."""
    columns, ordered, found = (TerminalUserRow.terminal_id, TerminalUserRow.user_id), sorted(users), dict[tuple[int, str], str]()
    for start in range(0, len(ordered), _LOOKED_UP):
        part = tuple_(*columns).in_(ordered[start : start + _LOOKED_UP])
        rows = session.execute(select(*columns, TerminalUserRow.name).where(part))
        found |= {(terminal_id, user_id): name for terminal_id, user_id, name in rows if name}
    return found
