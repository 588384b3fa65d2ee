"""The log of an older installation: which tag it gave to which asset, taken over once, with a report of what was in it."""

import hashlib
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction, upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import older_lines, sequence, trail
from request_tracker_utils.tags.models import OlderRecord, Tag, TagEvent, TagSequence, TagState
from request_tracker_utils.tags.names import LARGEST_NUMBER
from request_tracker_utils.tags.older_lines import Given, Line, Unread
from request_tracker_utils.tags.older_report import Report

LOG_NAME = "asset_tag_confirmations.log"
OLDER_INSTALLATION = Actor("older installation")
CHUNK = 1_000
"""Lines of one transaction: others write between them."""


class Held(NamedTuple):
    """What a tag's row says. `id` is None for one that this chunk makes."""

    id: int | None
    asset_id: int | None
    printed_at: datetime | None
    problem: str | None


def log_file(named: Path | None, sequence_file: Path | None) -> Path | None:
    """The log: what the setting names, else the file of its usual name beside the older sequence file, if there is one."""
    if named is not None or sequence_file is None:
        return named
    beside = sequence_file.with_name(LOG_NAME)
    return beside if beside.is_file() else None


def adopt(transaction: Transaction, file: Path, *, zone: ZoneInfo, actor: Actor, now: datetime) -> int:
    """Takes the log over unless that was done, and returns how many of its lines are new on the trail.

    The names of the directory are adopted before. Run twice, or killed in the middle and run again, it comes to the same end. A log
    that grew meanwhile, or has lines of a prefix that was unknown then, is read anew, and only what is new of it is added. Raises
    Invalid for a file that cannot be read.
    """
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        with transaction() as session:
            if _is_done(session, digest):
                return 0
        report, added = Report(), 0
        lines = older_lines.read(file, zone)
        while chunk := list(islice(lines, CHUNK)):
            with transaction() as session:
                added += _adopt_lines(session, chunk, report, now)
    except OSError as error:
        raise Invalid(
            f"ASSET_TAG_CONFIRMATIONS_LOG: {file} cannot be read: {error.strerror}. Correct it, or unset it if there is none."
        ) from None
    with transaction() as session:
        values = {"file": str(file)[:500], "adopted_at": now, "actor": actor.name, "report": report.as_json()}
        record = upsert_into(session)(OlderRecord).values(digest=digest, **values)
        session.execute(record.on_conflict_do_update(index_elements=["digest"], set_=values))
    return added


def records(session: Session) -> list[OlderRecord]:
    """The logs that were taken over, the last one first."""
    return list(session.scalars(select(OlderRecord).order_by(OlderRecord.adopted_at.desc(), OlderRecord.id.desc()).limit(20)))


def _is_done(session: Session, digest: str) -> bool:
    """Whether this very log was taken over, and no prefix in it has become known since."""
    report = session.scalar(select(OlderRecord.report).where(OlderRecord.digest == digest))
    return report is not None and not {*report["unknown_prefixes"]} & {*sequence.prefixes(session)}


def _adopt_lines(session: Session, lines: list[Line | Unread], report: Report, now: datetime) -> int:
    """A chunk of lines, in one transaction. Returns how many of them the trail did not have."""
    sequences = sequence.hold_all(session)
    given = []
    for line in lines:
        found = older_lines.of_known_prefix(line, list(sequences))
        report.count(found)
        if isinstance(found, Given):
            given.append(found)
        _advance(sequences, found)
    new = _new_on_trail(session, given)
    tags, assets = _held_tags(session, given), _tagged_assets(session, given)
    made, printed = dict[str, dict[str, Any]](), dict[int, datetime]()
    for one in given:
        held = tags.get(one.tag)
        if held is None:
            made[one.tag] = _row(one, assets.get(one.asset_id), now)
            held = tags[one.tag] = Held(None, made[one.tag]["asset_id"], one.at, made[one.tag]["problem"])
            if held.asset_id is not None:
                assets[one.asset_id] = one.tag
        elif held.id is not None and held.printed_at is None:
            printed.setdefault(held.id, one.at)
        report.compare(one, held.asset_id, held.problem)
    _write(session, new, made, printed)
    return len(new)


def _advance(sequences: dict[str, TagSequence], found: Given | Unread) -> None:
    """The next number is past every number that the log claims, also for tags that are spelt otherwise."""
    if found.number and found.prefix in sequences:
        held = sequences[found.prefix]
        held.next_number = max(held.next_number, min(found.number + 1, LARGEST_NUMBER))


def _new_on_trail(session: Session, given: list[Given]) -> list[Given]:
    """Each line that is not on the trail yet, once."""
    known = select(TagEvent.tag, TagEvent.asset_id, TagEvent.at).where(
        TagEvent.tag.in_({one.tag for one in given}), TagEvent.action == trail.LOGGED
    )
    seen = {tuple(row) for row in session.execute(known)}
    unique = {(one.tag, one.asset_id, one.at): one for one in given}
    return [one for key, one in unique.items() if key not in seen]


def _held_tags(session: Session, given: list[Given]) -> dict[str, Held]:
    """Those of the tags that are not free."""
    query = select(Tag.tag, Tag.id, Tag.asset_id, Tag.printed_at, Tag.problem).where(Tag.state != TagState.RELEASED)
    rows = session.execute(query.where(Tag.tag.in_({one.tag for one in given})))
    return {row.tag: Held(row.id, row.asset_id, row.printed_at, row.problem) for row in rows}


def _tagged_assets(session: Session, given: list[Given]) -> dict[int, str]:
    rows = session.execute(select(Tag.asset_id, Tag.tag).where(Tag.asset_id.in_({one.asset_id for one in given})))
    return {int(row.asset_id or 0): row.tag for row in rows}


def _row(one: Given, other_tag: str | None, now: datetime) -> dict[str, Any]:
    """Of a tag that the directory did not bring: its asset's, or nobody's when the asset has another one. A label of it may hang on a
    device either way, so that it is never given again."""
    day = f"{one.at_home:%Y-%m-%d}"
    row = {
        "tag": one.tag,
        "prefix": one.prefix,
        "number": one.number,
        "printed_at": one.at,
        "changed_at": now,
        "attempts": 0,
        "absences": 0,
    }
    if other_tag is None:
        problem = f"The older log gave it to asset {one.asset_id} on {day}; the directory does not know it."
        return {**row, "state": TagState.ASSIGNED, "asset_id": one.asset_id, "problem": problem}
    problem = f"The older log gave it to asset {one.asset_id} on {day}, which has {other_tag} now: it is not given again."
    return {**row, "state": TagState.RESERVED, "asset_id": None, "problem": problem}


def _write(session: Session, new: list[Given], made: dict[str, dict[str, Any]], printed: dict[int, datetime]) -> None:
    connection = session.connection()
    if made:
        insert_tag = upsert_into(session)(Tag.__table__)
        taken_over = {name: insert_tag.excluded[name] for name in ("state", "asset_id", "printed_at", "changed_at", "problem")}
        connection.execute(insert_tag.on_conflict_do_update(index_elements=["tag"], set_=taken_over), list(made.values()))
    if printed:
        session.execute(update(Tag), [{"id": key, "printed_at": at} for key, at in printed.items()])
    if new:
        trail.write_logged(connection, [(one.at, one.tag, one.asset_id) for one in new], actor=OLDER_INSTALLATION)
