"""The words of a ticket, and the query that finds them: FTS5 on SQLite, a GIN index on PostgreSQL (`models.SEARCH_INDEX`). Words are cut
here and not by the database, so that both find the same."""

import re
from contextlib import suppress
from decimal import Decimal

from sqlalchemy import Select, SQLColumnExpression, cast, column, false, literal_column, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from request_tracker_utils.cable_tickets.models import PREFIXES, WORDS, Ticket
from request_tracker_utils.core.text import search_key
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.lengths import parse_length, plain
from request_tracker_utils.inventory.models import THOUSAND

MAX_WORD = 40
MAX_QUERY_WORDS = 8
_WORD = re.compile(r"[^\W_]+")
_INDEX = table("ticket_words", column("rowid"), column("ticket_words"))


def words_of(ticket: Ticket) -> str:
    """Of its number, creator, location, notes and items, each once."""
    parts = [str(ticket.id), ticket.created_by, ticket.location, ticket.notes]
    for item in ticket.items:
        parts += [item.cable_type, item.cable_length, item.cable_gauge, *_spellings(item.cable_length)]
    return " ".join(dict.fromkeys(words(" ".join(parts))))


def words(text: str) -> list[str]:
    """In lowercase, without accents. `Cat6-A` is two words, `100ft` is one."""
    return [word[:MAX_WORD] for word in _WORD.findall(search_key(text))]


def query(session: Session, text: str) -> tuple[Select[Ticket], SQLColumnExpression[int]]:
    """Tickets that have all words of the text, the last of which may be the beginning of one; and the column by which they are ordered.
    A text without words finds nothing."""
    wanted = words(text)[:MAX_QUERY_WORDS]
    if not wanted:
        return select(Ticket).where(false()), Ticket.id
    *whole, last = wanted
    if session.get_bind().dialect.name == "postgresql":
        matching = cast(" & ".join([*whole, f"{last}:*" if len(last) >= PREFIXES[0] else last]), TSQUERY)
        return select(Ticket).where(literal_column(WORDS).op("@@")(matching)), Ticket.id
    # FTS5 is read in the order of row IDs: the newest ones are found without sorting, and without reading the others.
    begins = f'"{last[: PREFIXES[-1]]}" *' if len(last) >= PREFIXES[0] else f'"{last}"'
    matching_all = " AND ".join([*(f'"{word}"' for word in whole), begins])
    found = (
        select(Ticket).select_from(_INDEX).join(Ticket, Ticket.id == _INDEX.c.rowid).where(_INDEX.c.ticket_words.op("MATCH")(matching_all))
    )
    if len(last) > PREFIXES[-1]:
        found = found.where((" " + Ticket.search_words).contains(f" {last}", autoescape=True))
    return found, _INDEX.c.rowid


def _spellings(length: str) -> list[str]:
    """`100 ft`, `100ft` and `100'` are found by the words of each."""
    with suppress(InvalidStockField):
        parsed = parse_length(length)
        if parsed.thousandths is not None:
            number = plain(Decimal(parsed.thousandths) / THOUSAND)
            return [number, parsed.unit, f"{number}{parsed.unit}"]
    return []
