"""Adoption: before the first tag is assigned, the tags that exist in the asset store and in a legacy installation are imported.

Those of a legacy installation come from its log, its devices, and its sequence file. They are never assigned to other assets.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction, upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit, legacy_log, sequence, service
from request_tracker_utils.tags.legacy_log import Assignment, LogLine, Report, UnreadableLine
from request_tracker_utils.tags.models import CONFIRMATION, LegacyLogImport, PendingAsset, Tag, TagEvent, TagSequence, TagState
from request_tracker_utils.tags.tag_format import LARGEST_NUMBER, TagName, claimed_number, parse

UTC_ZONE = ZoneInfo("UTC")
LOG_NAME = "asset_tag_confirmations.log"
LEGACY_INSTALLATION = Actor("legacy installation")
CHUNK = 1_000
"""Lines per transaction, so that others can write in between."""
DEVICE_PROBLEM = "A device of the legacy installation has this tag, as asset {asset_id}, but no asset has this name."
DEVICE_REASON = "a device of the legacy installation has this tag"


class StoredTag(NamedTuple):
    """`id` is None for a tag that this chunk creates."""

    id: int | None
    asset_id: int | None
    printed_at: datetime | None
    problem: str | None


def adopt_configured(transaction: Transaction, asset_store: AssetStore, settings: Settings, *, actor: Actor, now: datetime) -> int:
    """See adopt, with the settings' prefix and legacy files."""
    file = settings.asset_tag_sequence_file
    log = log_file(settings.asset_tag_confirmations_log, file)
    return adopt(transaction, asset_store, prefix=settings.prefix, file=file, log=log, zone=settings.zone, actor=actor, now=now)


def adopt(
    transaction: Transaction,
    asset_store: AssetStore,
    *,
    prefix: str,
    file: Path | None,
    actor: Actor,
    now: datetime,
    log: Path | None = None,
    zone: ZoneInfo = UTC_ZONE,
) -> int:
    """Imports the existing tags of every sequence that is not ready, makes it ready, and assigns tags to the pending assets.

    `prefix` is PREFIX; its sequence is created if missing, and the legacy `file` has its next number. `log` is the legacy log, with times
    in `zone`. Returns how many tags were imported or assigned, plus the new lines of the log. Does nothing if all sequences are ready,
    the log is imported and no asset is pending. It can be repeated after an interruption, with the same result.
    Raises errors of the asset store, and Invalid for a file without a number or an unreadable log.
    """
    with transaction() as session:
        sequence.create_if_missing(session, prefix, now=now)
        new = session.scalars(select(TagSequence.prefix).where(TagSequence.adopted_at.is_(None)).order_by(TagSequence.prefix)).all()
    next_numbers = {each: read_next_number(file, prefix) if file and each == prefix else 1 for each in new}
    count = 0
    for each in new:
        for names in asset_store.names_beginning_with(each):
            with transaction() as session:
                count += sum(_adopt_name(session, each, asset_id, name, actor, now) for asset_id, name in names)
            next_numbers[each] = max([next_numbers[each], *(claimed_number(name, each) + 1 for _, name in names)])
    if log is not None:
        count += import_log(transaction, log, zone=zone, actor=actor, now=now)
    for each, next_number in next_numbers.items():
        with transaction() as session:
            _make_ready(session, each, next_number, now)
    return count + _assign_to_pending(transaction, now)


def log_file(setting: Path | None, sequence_file: Path | None) -> Path | None:
    """The log: the setting's, else the file with its usual name next to the legacy sequence file, if there is one."""
    if setting is not None or sequence_file is None:
        return setting
    sibling = sequence_file.with_name(LOG_NAME)
    return sibling if sibling.is_file() else None


def read_next_number(file: Path, prefix: str) -> int:
    """The next number in a legacy sequence file. Raises Invalid."""
    try:
        text = file.read_text(encoding="utf-8").strip()
        return int(text.removeprefix(prefix))
    except (OSError, ValueError):
        raise Invalid(
            _(
                "ASSET_TAG_SEQUENCE_FILE: %(file)s cannot be read or does not contain a number. Correct the file, or remove the setting "
                "if you have no legacy installation.",
                file=file,
            )
        ) from None


def import_log(transaction: Transaction, file: Path, *, zone: ZoneInfo, actor: Actor, now: datetime) -> int:
    """Imports the log unless it has been imported, and returns how many entries of the audit log are new.

    The tags in the asset store are adopted before. It can be repeated after an interruption, with the same result. A log that has grown,
    or has lines with a prefix that was added since, is read again, and only new lines are imported. Raises Invalid for a file that
    cannot be read.
    """
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        with transaction() as session:
            if _is_imported(session, digest):
                return 0
        report, added = Report(), 0
        lines = legacy_log.read(file, zone)
        while chunk := list(islice(lines, CHUNK)):
            with transaction() as session:
                added += _import_lines(session, chunk, report, now)
    except OSError as error:
        raise Invalid(
            _(
                "ASSET_TAG_CONFIRMATIONS_LOG: %(file)s cannot be read: %(reason)s. Correct the path, or remove the setting if you "
                "have no log.",
                file=file,
                reason=error.strerror,
            )
        ) from None
    with transaction() as session:
        values = {"file": str(file)[:500], "adopted_at": now, "actor": actor.name, "report": report.as_json()}
        insert = upsert_into(session)(LegacyLogImport).values(digest=digest, **values)
        session.execute(insert.on_conflict_do_update(index_elements=["digest"], set_=values))
    return added


def log_imports(session: Session) -> list[LegacyLogImport]:
    """Newest first."""
    return list(session.scalars(select(LegacyLogImport).order_by(LegacyLogImport.adopted_at.desc(), LegacyLogImport.id.desc()).limit(20)))


def import_device_tags(
    session: Session, sequences: Mapping[str, TagSequence], tags: Mapping[str, int | None], *, actor: Actor, now: datetime
) -> int:
    """Assigns the tags (tag → the asset that has it, if known) to their assets or retires them, and advances the sequences past them.

    `sequences` are all of them, locked by this transaction; the tags in the asset store are adopted before. A tag that is in use here
    does not change, and a text without an existing prefix is ignored. Returns how many tags are new.
    """
    names = {}
    for text in tags:
        for prefix, locked in sequences.items():
            if claimed := claimed_number(text, prefix):
                _advance_past(locked, claimed)
            if name := parse(text, prefix):
                names[text] = name
    in_use = set(_select_in_use(session, Tag.tag, list(names)))
    tagged_assets = set(_select_in_use(session, Tag.asset_id, [asset_id for asset_id in tags.values() if asset_id]))
    rows = []
    for text in sorted(names.keys() - in_use):
        asset_id = tags[text]
        rows.append(_device_row(names[text], None if asset_id in tagged_assets else asset_id, now))
        tagged_assets.add(asset_id)
    if rows:
        insert = upsert_into(session)(Tag.__table__)
        reused = {column: insert.excluded[column] for column in ("state", "asset_id", "changed_at", "problem")}
        session.connection().execute(insert.on_conflict_do_update(index_elements=["tag"], set_=reused), rows)
    for row in rows:
        audit.record_change(session, row["tag"], row["asset_id"], None, action="kept", actor=actor, now=now, reason=DEVICE_REASON)
    return len(rows)


def continue_sequence(session: Session, prefix: str, number: int, *, actor: Actor, now: datetime) -> TagName:
    """Continues the sequence at the next number of a legacy installation, unless it is past it. Returns the tag of the next number, which
    may be in use. Raises SequenceNotReady."""
    locked = sequence.lock(session, prefix)
    before = TagName(prefix, locked.next_number)
    if number > locked.next_number:
        locked.next_number = min(number, LARGEST_NUMBER)
        after = str(TagName(prefix, locked.next_number))
        reason = "sequence file of the legacy installation"
        audit.record_change(session, after, None, after, action="reset", actor=actor, now=now, old_name=str(before), reason=reason)
    return TagName(prefix, locked.next_number)


def _adopt_name(session: Session, prefix: str, asset_id: int, name: str, actor: Actor, now: datetime) -> bool:
    parsed = parse(name, prefix)
    if parsed is None:
        return False
    values = {"state": TagState.ASSIGNED, "asset_id": asset_id, "changed_at": now, "confirmed_at": now}
    defaults = {"attempts": 0, "absences": 0}
    insert = upsert_into(session)(Tag).values(tag=name, prefix=prefix, number=parsed.number, **values, **defaults)
    tag = session.scalar(insert.on_conflict_do_nothing().returning(Tag))
    if tag is not None:
        audit.record(session, tag, action="adopted", actor=actor, now=now, old_name=name)
        return True
    existing = session.scalar(select(Tag).where(Tag.tag == name))
    if existing is not None and existing.asset_id != asset_id:
        audit.record(session, existing, action="duplicate", actor=actor, now=now, reason=f"asset {asset_id} has this name too")
    return False


def _make_ready(session: Session, prefix: str, next_number: int, now: datetime) -> None:
    row = session.execute(select(TagSequence).where(TagSequence.prefix == prefix).with_for_update()).scalar_one()
    row.next_number = max(row.next_number, min(next_number, LARGEST_NUMBER))
    row.adopted_at = row.adopted_at or now


def _assign_to_pending(transaction: Transaction, now: datetime) -> int:
    """Assigns tags to the pending assets; the job confirm-tags then renames them in the asset store."""
    count = 0
    with transaction() as session:
        for asset in session.scalars(select(PendingAsset).order_by(PendingAsset.asked_at, PendingAsset.asset_id)).all():
            tag = service.assign_to_created_asset(session, asset_id=asset.asset_id, asset_name=asset.name, prefix=asset.prefix, now=now)
            if tag is None:
                continue  # its prefix was added during this adoption
            CONFIRMATION.mark_all_due(session, Tag.id == tag.id, Tag.due_at.is_not(None), now=now)
            session.execute(update(Tag).where(Tag.id == tag.id).values(changed_at=asset.asked_at))  # the asset was new then
            session.delete(asset)
            count += 1
    return count


def _is_imported(session: Session, digest: str) -> bool:
    """Whether this log was imported, and no prefix in it was added since."""
    report = session.scalar(select(LegacyLogImport.report).where(LegacyLogImport.digest == digest))
    return report is not None and not {*report["unknown_prefixes"]} & {*sequence.prefixes(session)}


def _import_lines(session: Session, lines: list[LogLine | UnreadableLine], report: Report, now: datetime) -> int:
    """Imports a chunk of lines in one transaction. Returns how many of them are new in the audit log."""
    sequences = sequence.lock_all(session)
    assignments = []
    for line in lines:
        found = legacy_log.match_prefix(line, list(sequences))
        report.count(found)
        if isinstance(found, Assignment):
            assignments.append(found)
        if found.number and found.prefix in sequences:
            _advance_past(sequences[found.prefix], found.number)
    new = _not_in_audit_log(session, assignments)
    stored, tag_of_asset = _stored_tags(session, assignments), _tags_of_assets(session, assignments)
    created, printed = dict[str, dict[str, Any]](), dict[int, datetime]()
    for each in assignments:
        tag = stored.get(each.tag)
        if tag is None:
            row = created[each.tag] = _log_row(each, tag_of_asset.get(each.asset_id), now)
            tag = stored[each.tag] = StoredTag(None, row["asset_id"], each.at, row["problem"])
            if tag.asset_id is not None:
                tag_of_asset[each.asset_id] = each.tag
        elif tag.id is not None and tag.printed_at is None:
            printed.setdefault(tag.id, each.at)
        report.compare(each, tag.asset_id, tag.problem)
    _write(session, new, created, printed)
    return len(new)


def _advance_past(locked: TagSequence, number: int) -> None:
    """The next number is past every number that is claimed, even by a text in the wrong format."""
    locked.next_number = max(locked.next_number, min(number + 1, LARGEST_NUMBER))


def _not_in_audit_log(session: Session, assignments: list[Assignment]) -> list[Assignment]:
    """Each line that the audit log does not have, once."""
    logged = select(TagEvent.tag, TagEvent.asset_id, TagEvent.at).where(
        TagEvent.tag.in_({each.tag for each in assignments}), TagEvent.action == audit.LOGGED
    )
    existing = {tuple(row) for row in session.execute(logged)}
    unique = {(each.tag, each.asset_id, each.at): each for each in assignments}
    return [each for key, each in unique.items() if key not in existing]


def _stored_tags(session: Session, assignments: list[Assignment]) -> dict[str, StoredTag]:
    """The tags that are in use."""
    query = select(Tag.tag, Tag.id, Tag.asset_id, Tag.printed_at, Tag.problem).where(Tag.state != TagState.RELEASED)
    rows = session.execute(query.where(Tag.tag.in_({each.tag for each in assignments})))
    return {row.tag: StoredTag(row.id, row.asset_id, row.printed_at, row.problem) for row in rows}


def _tags_of_assets(session: Session, assignments: list[Assignment]) -> dict[int, str]:
    rows = session.execute(select(Tag.asset_id, Tag.tag).where(Tag.asset_id.in_({each.asset_id for each in assignments})))
    return {int(row.asset_id or 0): row.tag for row in rows}


def _log_row(line: Assignment, current_tag: str | None, now: datetime) -> dict[str, Any]:
    """A tag that no asset is named after: assigned to the log's asset, or retired if the asset has another one. A device may have its
    label, so it is never assigned again."""
    day = f"{line.local_at:%Y-%m-%d}"
    row = {**_new_row(TagName(line.prefix, line.number), now), "printed_at": line.at}
    if current_tag is None:
        problem = legacy_log.UNCONFIRMED.format(asset_id=line.asset_id, day=day)
        return {**row, "state": TagState.ASSIGNED, "asset_id": line.asset_id, "problem": problem}
    problem = legacy_log.RETIRED.format(asset_id=line.asset_id, day=day, tag=current_tag)
    return {**row, "state": TagState.RESERVED, "asset_id": None, "problem": problem}


def _device_row(name: TagName, asset_id: int | None, now: datetime) -> dict[str, Any]:
    row = _new_row(name, now)
    if asset_id is None:
        return {**row, "state": TagState.RESERVED, "asset_id": None, "problem": None}
    return {**row, "state": TagState.ASSIGNED, "asset_id": asset_id, "problem": DEVICE_PROBLEM.format(asset_id=asset_id)}


def _new_row(name: TagName, now: datetime) -> dict[str, Any]:
    return {"tag": str(name), "prefix": name.prefix, "number": name.number, "changed_at": now, "attempts": 0, "absences": 0}


def _write(session: Session, new: list[Assignment], created: dict[str, dict[str, Any]], printed: dict[int, datetime]) -> None:
    connection = session.connection()
    if created:
        insert = upsert_into(session)(Tag.__table__)
        reused = {name: insert.excluded[name] for name in ("state", "asset_id", "printed_at", "changed_at", "problem")}
        connection.execute(insert.on_conflict_do_update(index_elements=["tag"], set_=reused), list(created.values()))
    if printed:
        session.execute(update(Tag), [{"id": key, "printed_at": at} for key, at in printed.items()])
    if new:
        audit.record_logged(connection, [(each.at, each.tag, each.asset_id) for each in new], actor=LEGACY_INSTALLATION)


def _select_in_use(session: Session, column: Any, values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for begin in range(0, len(values), 500):
        chunk = values[begin : begin + 500]
        found += session.scalars(select(column).where(column.in_(chunk), Tag.state != TagState.RELEASED)).all()
    return found
