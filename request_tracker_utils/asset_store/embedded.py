"""The asset store in this program's own database."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from request_tracker_utils import __version__
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import (
    LARGEST_ID,
    Asset,
    AssetNotFound,
    AssetPage,
    AssetStoreInvalid,
    AssetStoreUser,
    NewAsset,
    NewTicket,
    NoRequestTracker,
    Ticket,
    serial_taken,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.translation import gettext as _

CHUNK = 100
WORKERS = 4
LONGEST_TEXT = 255
FIRST_STATUS = "new"
DEFAULT_CATALOGS = ("Chromebooks", "General assets")


class EmbeddedAssetStore:
    """Implements AssetStore. `address` is this program's own, for links to assets."""

    kind = "embedded"

    def __init__(
        self, transaction: Transaction, reading: Callable[[], AbstractContextManager[Session]], address: str, catalog: str
    ) -> None:
        self._transaction, self._reading, self._address, self._catalog = transaction, reading, address, catalog

    def workers(self) -> int:
        return WORKERS

    def version(self) -> str:
        return __version__

    def get(self, asset_id: int) -> Asset:
        with self._reading() as session:
            return _asset(_row(session, asset_id))

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        remaining = iter(asset_ids)
        while chunk := list(islice(remaining, CHUNK)):
            possible = [asset_id for asset_id in chunk if 0 < asset_id <= LARGEST_ID]
            with self._reading() as session:
                found = {row.id: _asset(row) for row in session.scalars(select(EmbeddedAsset).where(EmbeddedAsset.id.in_(possible)))}
            yield [found[asset_id] for asset_id in dict.fromkeys(chunk) if asset_id in found]

    def find_by_name(self, name: str) -> list[Asset]:
        return self._where(EmbeddedAsset.name == name)

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        return self._any_of(EmbeddedAsset.name, names)

    def held_by(self, usernames: Iterable[str]) -> list[Asset]:
        return self._any_of(func.lower(EmbeddedAsset.holder), (name.lower() for name in usernames))

    def every_asset(self) -> Iterator[list[Asset]]:
        return self._chunks(select(EmbeddedAsset))

    def find_by_serial(self, serial: str) -> list[Asset]:
        return self._where(func.lower(EmbeddedAsset.serial) == serial.lower()) if serial else []

    def find_by_serials(self, serials: Iterable[str]) -> list[Asset]:
        return self._any_of(func.lower(EmbeddedAsset.serial), (serial.lower() for serial in serials))

    def find_by_serials_or_names(self, serials: Iterable[str], names: Iterable[str]) -> list[Asset]:
        found = {asset.id: asset for asset in (*self.find_by_serials(serials), *self.find_by_names(names))}
        return [found[asset_id] for asset_id in sorted(found)]

    def search(self, text: str, *, catalog: str = "", holder: str = "", page: int = 1, page_size: int = 50) -> AssetPage:
        query = _matching(text).order_by(EmbeddedAsset.id.desc())
        if catalog:
            query = query.where(EmbeddedAsset.catalog == catalog)
        if holder:  # SQLite folds ASCII only: other names are found as they are spelled
            query = query.where(or_(EmbeddedAsset.holder == holder, func.lower(EmbeddedAsset.holder) == holder.lower()))
        with self._reading() as session:
            rows = session.scalars(query.offset((page - 1) * page_size).limit(page_size + 1)).all()
            return AssetPage([_asset(row) for row in rows[:page_size]], page, len(rows) > page_size)

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        beginning = func.substr(EmbeddedAsset.name, 1, len(prefix))
        begins = func.lower(beginning) == prefix.lower() if any_case else beginning == prefix
        last = 0
        while True:
            with self._reading() as session:
                query = select(EmbeddedAsset.id, EmbeddedAsset.name).where(begins, EmbeddedAsset.id > last)
                rows = [(row.id, row.name) for row in session.execute(query.order_by(EmbeddedAsset.id).limit(CHUNK))]
            if not rows:
                return
            yield rows
            last = rows[-1][0]

    def without_prefix(
        self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str = "", brief: bool = False
    ) -> Iterator[list[Asset]]:
        query = _matching(text).where(EmbeddedAsset.catalog.in_(list(catalogs)))
        for prefix in prefixes:
            query = query.where(func.lower(func.substr(EmbeddedAsset.name, 1, len(prefix))) != prefix.lower())
        return self._chunks(query)

    def query(self, query: str, *, limit: int, after_id: int = 0) -> Iterator[list[Asset]]:
        yield from self._chunks(_parsed(query), after_id=after_id, limit=limit)

    def count(self, query: str) -> int:
        with self._reading() as session:
            return session.execute(select(func.count()).select_from(_parsed(query).subquery())).scalar_one()

    def create(self, new: NewAsset) -> int:
        for field in ("name", "serial", "model", "manufacturer", "catalog", "status"):
            _check(field, getattr(new, field))
        row = EmbeddedAsset(
            name=new.name,
            serial=new.serial,
            model=new.model,
            manufacturer=new.manufacturer,
            catalog=new.catalog or self._catalog,
            status=new.status or FIRST_STATUS,
            fields=dict(new.fields),
            created_at=utc_now(),
        )
        try:
            with self._transaction() as session:
                session.add(row)
                session.flush()  # assigns the id, and checks that the serial number is unique
                return row.id
        except IntegrityError:
            existing = self.find_by_serial(new.serial)
            raise serial_taken(new.serial, existing[0].id if existing else None) from None

    def rename(self, asset_id: int, name: str, *, old_name: str | None = None) -> str:
        _check("name", name)
        with self._transaction() as session:
            row = _row(session, asset_id)
            old, row.name = row.name, name
            return old

    def field_problems(self, fields: Iterable[str]) -> list[str]:
        return []

    def set_holder(self, asset_id: int, username: str) -> None:
        _check("holder", username)
        with self._transaction() as session:
            _row(session, asset_id).holder = username

    def catalogs(self) -> list[str]:
        with self._reading() as session:
            used = session.scalars(select(EmbeddedAsset.catalog).distinct())
            return sorted({*DEFAULT_CATALOGS, self._catalog, *used} - {""})

    def page_address(self, asset_id: int) -> str:
        return f"{self._address}/assets/{asset_id}"

    def user(self, name_or_number: str) -> AssetStoreUser:
        raise _no_request_tracker()

    def create_ticket(self, new: NewTicket) -> Ticket:
        raise _no_request_tracker()

    def tickets_with_mark(self, mark: str) -> list[Ticket]:
        raise _no_request_tracker()

    def link_ticket(self, ticket_id: int, asset_ids: Iterable[int]) -> Ticket:
        raise _no_request_tracker()

    def ticket_address(self, ticket_id: int) -> str:
        raise _no_request_tracker()

    def _chunks(self, query: Select[EmbeddedAsset], *, after_id: int = 0, limit: int | None = None) -> Iterator[list[Asset]]:
        """The assets with ids greater than `after_id`, by id; each chunk is read when it is needed."""
        while limit is None or limit > 0:
            size = CHUNK if limit is None else min(limit, CHUNK)
            with self._reading() as session:
                rows = session.scalars(query.where(EmbeddedAsset.id > after_id).order_by(EmbeddedAsset.id).limit(size))
                found = [_asset(row) for row in rows]
            if not found:
                return
            yield found
            after_id, limit = found[-1].id, None if limit is None else limit - len(found)

    def _any_of(self, column: ColumnElement[str] | InstrumentedAttribute[str], values: Iterable[str]) -> list[Asset]:
        distinct, found = iter({value for value in values if value}), list[Asset]()
        while chunk := list(islice(distinct, CHUNK)):
            found += self._where(column.in_(chunk))
        return sorted(found, key=lambda asset: asset.id)

    def _where(self, condition: ColumnElement[bool]) -> list[Asset]:
        with self._reading() as session:
            return [_asset(row) for row in session.scalars(select(EmbeddedAsset).where(condition).order_by(EmbeddedAsset.id))]


def _no_request_tracker() -> NoRequestTracker:
    message = _("Request Tracker is not configured, so its users and tickets are not available. Set RT_URL and RT_TOKEN.")
    return NoRequestTracker(message)


def _parsed(query: str) -> Select[EmbeddedAsset]:
    if not query.strip():
        raise AssetStoreInvalid(_("The query is empty and would match every asset. Enter at least one word."), field="query")
    return _matching(query)


def _matching(text: str) -> Select[EmbeddedAsset]:
    """Assets that contain each word of the text."""
    query = select(EmbeddedAsset)
    for word in text.split():
        columns = (EmbeddedAsset.name, EmbeddedAsset.serial, EmbeddedAsset.model)
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return query


def _row(session: Session, asset_id: int) -> EmbeddedAsset:
    row = session.get(EmbeddedAsset, asset_id) if 0 < asset_id <= LARGEST_ID else None
    if row is None:
        raise AssetNotFound(_("Asset not found"), asset_id=asset_id)
    return row


def _check(field: str, value: str) -> None:
    if len(value) > LONGEST_TEXT:
        raise AssetStoreInvalid(_("The %(field)s can have at most %(longest)s characters.", field=field, longest=LONGEST_TEXT), field=field)
    if any(ord(character) < 32 for character in value):
        raise AssetStoreInvalid(_("The %(field)s cannot contain control characters.", field=field), field=field)


def _asset(row: EmbeddedAsset) -> Asset:
    return Asset(
        id=row.id,
        name=row.name,
        serial=row.serial,
        model=row.model,
        manufacturer=row.manufacturer,
        catalog=row.catalog,
        status=row.status,
        holder=row.holder,
        owner=row.holder,
        fields=dict(row.fields),
        created_at=row.created_at,
    )
