"""Imports of the stock: opening balances with thresholds and targets, and deliveries. Both write movements as a person would, so that the
ledger explains every balance, and an undo reverses these movements."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, cast

from sqlalchemy import Table, select, tuple_
from sqlalchemy.orm import Session, selectinload

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.changes import Changes, FollowedUp
from request_tracker_utils.imports.errors import ImportNotUndoable
from request_tracker_utils.imports.row_types import KEY_AND_IDENTITY, Change, Chunk, Field, Plan, ReadChanges, RowType, Values, Wording
from request_tracker_utils.inventory import receiving, reorder, reversals
from request_tracker_utils.inventory.errors import InvalidStockField, PackingSlipReceived
from request_tracker_utils.inventory.lengths import Cable, key_of, one_line, parse_length, parse_quantity, parse_type
from request_tracker_utils.inventory.models import CableReceipt, Movement, MovementType, SourceType, StockRow
from request_tracker_utils.inventory.receiving import MAX_ITEMS, MAX_NUMBER, MAX_VENDOR, Delivery, DeliveryItem
from request_tracker_utils.inventory.reorder import LEVELS, ReorderAlerts
from request_tracker_utils.inventory.stock import Shelf, Source, clean_notes, lock_types

_LOOKED_UP = 500
"""Keys in one query."""
_TABLE = cast(Table, StockRow.__table__)

Parse = Callable[[str], Any]
TYPE = Field(gettext_noop("Cable type"), frozenset({"cable type", "cabletype", "type", "cable", "item", "description"}))
LENGTH = Field(gettext_noop("Length"), frozenset({"cable length", "cablelength", "length", "size"}))


class StockRowType(RowType):
    """Rows about a cable. Each row's second step, which the importer passes on, is its Cable."""

    preview_task, import_task, undo_task = "preview-stock", "import-stock", "undo-stock-import"
    identity_column, key_column = "name", "key"

    def __init__(self, alerts: Callable[[], ReorderAlerts]) -> None:
        self._alerts = alerts

    @abstractmethod
    def parsers(self, values: Values) -> dict[str, Parse]:
        """Field → its parser, of the fields that are required or in the file. Parsers raise InvalidStockField."""

    @abstractmethod
    def columns(self, parsed: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a chunk. Raises InvalidStockField for values that do not fit together."""

    def parse(self, values: Values, *, is_complete: bool = False) -> tuple[dict[str, Any], Any]:
        parsed = {name: parse(values.get(name, "")) for name, parse in self.parsers(values).items()}
        return self.columns(parsed), Cable(parsed["cable_type"], parsed["cable_length"])

    def explain(self, values: Values) -> tuple[str, list[str]]:
        messages, parsed = list[str](), dict[str, Any]()
        for name, parse in self.parsers(values).items():
            try:
                parsed[name] = parse(values.get(name, ""))
            except Invalid as error:
                messages.append(error.message)
        if not messages:
            try:
                self.columns(parsed)
            except Invalid as error:
                messages.append(error.message)
        return "", messages

    def lock_for_undo(self, session: Session, read: ReadChanges, *, now: datetime) -> None:
        ids = sorted({stock_id for changes in read() for stock_id in changes.existing})
        lock_types(session, session.scalars(select(StockRow.type_key).where(bulk.id_in(session, _TABLE, ids))).all())
        bulk.lock(session, _TABLE, "key", ids)

    def names(self, session: Session, ids: Sequence[int]) -> list[str]:
        return [row_name(row) for row in session.scalars(select(StockRow).where(StockRow.id.in_(ids)).order_by(StockRow.key))]

    def _reverse(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        """Reverses those movements of the import that nobody has reversed yet. Raises ImportNotUndoable."""
        reason = _("Undo of %(source)s", source=source) if source else _("Undone")
        wanted = [each.reference for each in changes.follow_ups]
        movements = [each for part in _parts(wanted) for each in session.scalars(select(Movement).where(Movement.id.in_(part)))]
        done = reversals.reversals_of(session, movements)
        for movement in movements:
            if movement.id in done:
                continue
            try:
                reversals.reverse(session, movement.id, reason=reason, actor=actor, now=now, alerts=self._alerts())
            except Conflict as error:
                advice = _("Return or adjust the stock first, then undo the import.")
                raise ImportNotUndoable(_("The import cannot be undone. %(problem)s", problem=f"{error.message} {advice}")) from error


class StockLevels(StockRowType):
    """What is on hand, and when to reorder. A difference becomes an adjustment."""

    name = "stock"
    shown_columns = ("on_hand", *LEVELS)
    wording = Wording(
        import_title=gettext_noop("Import stock"),
        record=gettext_noop("Cable"),
        records=gettext_noop("stock"),
        introduction=gettext_noop("Choose a file with a row for each cable type and length, such as the opening balances."),
        help=gettext_noop(
            "The cable type and the length are required. Fields without a column are not changed. What is on hand is set to the number in "
            "the file by an adjustment. An exported stock file can be changed and imported again."
        ),
        undo_refused=gettext_noop(
            "The import cannot be undone, because some of its cable has moved or changed since then: %(names)s. Adjust the stock by "
            "hand or with another import."
        ),
        follow_up=gettext_noop("movement"),
        follow_ups=gettext_noop("movements"),
    )
    fields: ClassVar[Mapping[str, Field]] = {
        "cable_type": TYPE,
        "cable_length": LENGTH,
        "on_hand": Field(
            gettext_noop("On hand"), frozenset({"on hand", "onhand", "quantity", "qty", "pieces", "count", "balance", "stock"})
        ),
        "threshold": Field(gettext_noop("Threshold"), frozenset({"threshold", "reorder at", "reorder point", "minimum", "min"})),
        "target": Field(gettext_noop("Target"), frozenset({"target", "reorder to", "maximum", "max", "par"})),
    }

    def parsers(self, values: Values) -> dict[str, Parse]:
        found: dict[str, Parse] = {"cable_type": parse_type, "cable_length": parse_length}
        if "on_hand" in values:
            found["on_hand"] = partial(parse_quantity, field="on_hand", minimum=0)
        return found | {name: partial(_level, field=name) for name in LEVELS if name in values}

    def columns(self, parsed: Mapping[str, Any]) -> dict[str, Any]:
        cable = Cable(parsed["cable_type"], parsed["cable_length"])
        reorder.check_levels(parsed.get("threshold"), parsed.get("target"))
        own = {name: parsed[name] for name in ("on_hand", *LEVELS) if name in parsed}
        return {"key": cable.key, "name": cable_name(cable), **own}

    def plan(self, session: Session, chunk: Chunk) -> Plan:
        plan, columns = Plan(), chunk.columns[KEY_AND_IDENTITY:]
        existing = _rows(session, list(chunk.values))
        for key, values in chunk.values.items():
            row = existing.get(key)
            if row is None:
                plan.new.append(key)
                continue
            before = tuple(getattr(row, name) for name in columns)
            if before == values[KEY_AND_IDENTITY:]:
                plan.unchanged += 1
            else:
                plan.changed.append(Change(key, row.id, before, (), bulk.stored_time(session, row.updated_at)))
        return plan

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
        changes, alerts = Changes(now, columns=LEVELS), self._alerts()
        former = {change.key: change for change in plan.changed}
        keys = [*plan.new, *former]
        if not keys:
            return changes
        notes = _("From %(source)s", source=source) if source else ""
        with Shelf(session, actor, now, alerts) as shelf:
            rows = shelf.lock([chunk.follow_ups[key] for key in keys])
            for key, row in rows.items():
                values, change = chunk.as_mapping(key), former.get(key)
                if change and any(
                    getattr(row, name) != before for name, before in zip(chunk.columns[KEY_AND_IDENTITY:], change.before, strict=True)
                ):
                    raise bulk.ConcurrentChange
                updated_at = change.updated_at if change else bulk.stored_time(session, now)
                levels = (row.threshold, row.target)
                if (difference := values.get("on_hand", row.on_hand) - row.on_hand) != 0:
                    cable = chunk.follow_ups[key]
                    movement = shelf.move(
                        row, MovementType.ADJUSTMENT, difference, source=Source(SourceType.IMPORT), cable=cable, notes=notes
                    )
                    changes.follow_ups.append(FollowedUp(row.id, updated_at, movement.id))
                if "threshold" in values and "target" in values and levels != (values["threshold"], values["target"]):
                    wanted = {name: values[name] for name in LEVELS}
                    reorder.set_levels(session, row.id, **wanted, actor=actor, now=now, alerts=alerts)
                    changes.changed.append((row.id, *levels, updated_at))
        return changes

    def unchanged(self, session: Session, ids: Sequence[int], *, since: datetime, created: bool = False) -> set[int]:
        return set(session.scalars(select(_TABLE.c.id).where(bulk.id_in(session, _TABLE, ids), _TABLE.c.updated_at == since)))

    def undo(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        self._reverse(session, changes, actor=actor, now=now, source=source)
        for stock_id, threshold, target, _updated_at in changes.changed:
            levels = {"threshold": threshold, "target": target}
            reorder.set_levels(session, stock_id, **levels, actor=actor, now=now, alerts=self._alerts())
        session.flush()
        times = {each.id: each.updated_at for each in changes.follow_ups} | {row[0]: row[-1] for row in changes.changed}
        if times:
            bulk.update(session, _TABLE, ("updated_at",), sorted(times.items()), {})
            session.expire_all()


class DeliveryRows(StockRowType):
    """Rows of deliveries: those with one vendor and packing slip are one delivery. A slip that is recorded is not recorded again."""

    name = "deliveries"
    shown_columns = ("vendor", "po_number", "quantity")
    wording = Wording(
        import_title=gettext_noop("Import deliveries"),
        record=gettext_noop("Cable"),
        records=gettext_noop("deliveries"),
        introduction=gettext_noop("Choose a file with a row for each cable type and length of a delivery."),
        help=gettext_noop(
            "The packing slip, the cable type, the length and the quantity are required. Rows with the same vendor and packing slip are "
            "one delivery. A packing slip is recorded only once."
        ),
        undo_refused=gettext_noop("The import cannot be undone, because some of its cable is gone: %(names)s."),
        follow_up=gettext_noop("movement"),
        follow_ups=gettext_noop("movements"),
    )
    fields: ClassVar[Mapping[str, Field]] = {
        "packing_slip": Field(
            gettext_noop("Packing slip"), frozenset({"packing slip", "packing slip number", "slip", "slip number", "delivery"})
        ),
        "vendor": Field(gettext_noop("Vendor"), frozenset({"vendor", "supplier"})),
        "po_number": Field(gettext_noop("PO number"), frozenset({"po number", "po", "purchase order", "order number"})),
        "cable_type": TYPE,
        "cable_length": LENGTH,
        "quantity": Field(gettext_noop("Quantity"), frozenset({"quantity", "qty", "pieces", "count", "received"})),
        "notes": Field(gettext_noop("Notes"), frozenset({"notes", "note", "comment"})),
    }

    def parsers(self, values: Values) -> dict[str, Parse]:
        found: dict[str, Parse] = {
            "packing_slip": _slip,
            "cable_type": parse_type,
            "cable_length": parse_length,
            "quantity": parse_quantity,
        }
        optional: dict[str, Parse] = {
            "vendor": lambda text: one_line(text, "vendor", MAX_VENDOR),
            "po_number": lambda text: one_line(text, "po_number", MAX_NUMBER),
            "notes": clean_notes,
        }
        return found | {name: parse for name, parse in optional.items() if name in values}

    def columns(self, parsed: Mapping[str, Any]) -> dict[str, Any]:
        cable, slip = Cable(parsed["cable_type"], parsed["cable_length"]), parsed["packing_slip"]
        vendor = parsed.get("vendor", "")
        others = {"vendor": vendor, "po_number": parsed.get("po_number", ""), "notes": parsed.get("notes", "")}
        key = f"{key_of(vendor)}\n{key_of(slip)}\n{cable.key}"
        return {"key": key, "name": f"{slip}: {cable_name(cable)}", "packing_slip": slip, **others, "quantity": parsed["quantity"]}

    def plan(self, session: Session, chunk: Chunk) -> Plan:
        plan = Plan()
        received = _receipts(session, {_slip_of(key) for key in chunk.values})
        for slip, keys in _by_slip(chunk.values).items():
            receipt = received.get(slip)
            if receipt is None:
                if len(keys) > MAX_ITEMS:
                    message = _("A delivery has at most %(count)s rows. Give parts of it packing slips of their own.", count=MAX_ITEMS)
                    plan.refused += [(key, [message]) for key in keys]
                else:
                    plan.new += keys
                continue
            stored = defaultdict[str, int](int)
            for item in receipt.items:
                stored[Cable(item.cable_type, parse_length(item.cable_length)).key] += item.quantity
            message = _("This packing slip is already recorded, as delivery %(id)s, with other cable.", id=receipt.id)
            for key in keys:
                if stored[chunk.follow_ups[key].key] == chunk.as_mapping(key)["quantity"]:
                    plan.unchanged += 1
                else:
                    plan.refused.append((key, [message]))
        return plan

    def apply(self, session: Session, chunk: Chunk, plan: Plan, *, actor: Actor, now: datetime, source: str) -> Changes:
        changes, alerts = Changes(now), self._alerts()
        if not plan.new:
            return changes
        with Shelf(session, actor, now, alerts) as shelf:
            rows = shelf.lock([chunk.follow_ups[key] for key in plan.new])  # all at once, so that nobody deadlocks
            times = {row.id: bulk.stored_time(session, row.updated_at) for row in rows.values()}
            for keys in _by_slip(plan.new).values():
                values = [chunk.as_mapping(key) for key in keys]
                cables = [chunk.follow_ups[key] for key in keys]
                items = [
                    DeliveryItem(cable.cable_type, cable.length.written, each["quantity"])
                    for cable, each in zip(cables, values, strict=True)
                ]
                head = {name: values[0][name] for name in ("vendor", "po_number", "packing_slip")}
                notes = values[0]["notes"] or (_("From %(source)s", source=source) if source else "")
                try:
                    receipt, _repeated = receiving.receive(
                        session, Delivery(items, **head, notes=notes), actor=actor, now=now, alerts=alerts
                    )
                except PackingSlipReceived as error:
                    raise bulk.ConcurrentChange from error
                of_receipt = (Movement.source_type == SourceType.RECEIPT, Movement.source_id == receipt.id)
                written = session.execute(select(Movement.stock_id, Movement.id).where(*of_receipt).order_by(Movement.id))
                changes.follow_ups += [FollowedUp(stock_id, times[stock_id], movement_id) for stock_id, movement_id in written]
        return changes

    def unchanged(self, session: Session, ids: Sequence[int], *, since: datetime, created: bool = False) -> set[int]:
        """Cable may have moved since. Only a reversal that the shelf cannot cover is refused, by `undo`."""
        return set(ids)

    def undo(self, session: Session, changes: Changes, *, actor: Actor, now: datetime, source: str) -> None:
        self._reverse(session, changes, actor=actor, now=now, source=source)


def cable_name(cable: Cable) -> str:
    return f"{cable.cable_type}, {cable.length.written}"


def row_name(row: StockRow) -> str:
    return f"{row.cable_type}, {row.cable_length}"


def _level(text: str, *, field: str) -> int | None:
    return parse_quantity(text, field=field, minimum=0) if text.strip() else None


def _slip(text: str) -> str:
    slip = one_line(text, "packing_slip", MAX_NUMBER)
    if not slip:
        raise InvalidStockField(_("Enter the packing slip, so that no delivery is recorded twice."), field="packing_slip")
    return slip


def _slip_of(key: str) -> tuple[str, str]:
    """The keys of vendor and packing slip."""
    vendor, slip, _cable = key.split("\n", 2)
    return vendor, slip


def _by_slip(keys: Sequence[str] | Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    found = defaultdict[tuple[str, str], list[str]](list)
    for key in keys:
        found[_slip_of(key)].append(key)
    return found


def _receipts(session: Session, slips: set[tuple[str, str]]) -> dict[tuple[str, str], CableReceipt]:
    """Those that are not reversed."""
    found: dict[tuple[str, str], CableReceipt] = {}
    for part in _parts(sorted(slips)):
        of_slips = tuple_(CableReceipt.vendor_key, CableReceipt.packing_slip_key).in_(part)
        query = select(CableReceipt).where(of_slips, CableReceipt.reversed_at.is_(None)).options(selectinload(CableReceipt.items))
        found |= {(each.vendor_key, each.packing_slip_key): each for each in session.scalars(query)}
    return found


def _rows(session: Session, keys: Sequence[str]) -> dict[str, StockRow]:
    query = select(StockRow).execution_options(populate_existing=True)
    return {row.key: row for part in _parts(keys) for row in session.scalars(query.where(StockRow.key.in_(part)))}


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _LOOKED_UP):
        yield values[start : start + _LOOKED_UP]
