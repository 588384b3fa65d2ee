"""The words of a ticket, and the condition that finds them: FTS5 on SQLite, a GIN index on PostgreSQL. Words are cut here, not by the
database, so that both find the same."""

import re

from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.students.search import search_key

MAX_WORD = 40
MAX_QUERY_WORDS = 8
_WORD = re.compile(r"[^\W_]+")


def words_of(ticket: Ticket) -> str:
    """Of its number, creator, location, notes and items, each once."""
    parts = [str(ticket.id), ticket.created_by, ticket.location, ticket.notes]
    for item in ticket.items:
        parts += [item.cable_type, item.cable_length, item.cable_gauge]
    return " ".join(dict.fromkeys(words(" ".join(parts))))


def words(text: str) -> list[str]:
    """In lowercase, without accents."""
    return [word[:MAX_WORD] for word in _WORD.findall(search_key(text))]
