"""Finding assets. Request Tracker answers a search that it does not understand with all rows or none, so each row is checked."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.custom_fields import CustomFields
from request_tracker_utils.integrations.rt.errors import RtInvalid, RtRefused, RtSearchFailed
from request_tracker_utils.integrations.rt.queries import (
    FULL,
    HOLDERS,
    LARGEST_PAGE,
    NAMES,
    NAMES_AND_CATALOGS,
    WILDCARDS,
    Query,
    after,
    incomplete,
    misunderstood,
    pattern,
    quoted,
    read_all,
    read_page,
)
from request_tracker_utils.integrations.rt.records import (
    RtAsset,
    asset_of,
    contains,
    contains_similar,
    number,
    same,
    similar,
    text,
)
from request_tracker_utils.integrations.rt.transport import Transport

LARGEST_ID = 2**31 - 1
NAMES_PER_SEARCH = 25
"""User names in one search for holders. SQLite joins at most 64 tables, which 28 names reach; beyond that Request Tracker finds nothing."""
SERIALS_PER_SEARCH = 200
NAMES_IN_LIST = 500
"""Names of assets in one search that lists them."""
NAMES_BESIDE_SERIALS = 250
"""SQLite parses expressions of at most a thousand terms."""


@dataclass(frozen=True)
class RtAssetPage:
    assets: list[RtAsset]
    more: bool


class AssetSearches:
    """`serial_field` and `model_field` are names of custom fields. Searches omit deleted assets."""

    def __init__(self, transport: Transport, custom_fields: CustomFields, *, serial_field: str, model_field: str) -> None:
        for name in (serial_field, model_field):
            if not name or not name.isprintable() or set(name) & set("{}'\"\\"):
                raise ValueError(f"{name!r} cannot be the name of a custom field in a search.")
        self._transport, self._custom_fields = transport, custom_fields
        self.serial_field, self.model_field = serial_field, model_field

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[RtAsset]]:
        """The assets that exist, in the given order, a hundred at a time as they arrive. Two requests run at a time."""
        possible_ids = (each for each in dict.fromkeys(asset_ids) if 0 < each <= LARGEST_ID)
        chunks = iter(lambda: list(islice(possible_ids, LARGEST_PAGE)), [])
        with ThreadPoolExecutor(2, thread_name_prefix="rt-assets") as pool:
            running: deque[Future[list[RtAsset]]] = deque(pool.submit(self._chunk, chunk) for chunk in islice(chunks, 2))
            try:
                while running:
                    found = running.popleft().result()
                    running.extend(pool.submit(self._chunk, chunk) for chunk in islice(chunks, 1))
                    yield found
            finally:
                for future in running:
                    future.cancel()

    def find_by_name(self, name: str) -> list[RtAsset]:
        """All assets with exactly this name: names are not unique in Request Tracker."""
        if not name:
            return []
        found = self._matching([{"field": "Name", "operator": "=", "value": name}], lambda asset: similar(asset.name, name))
        return [asset for asset in found if asset.name == name]

    def find_by_names(self, names: Iterable[str]) -> list[RtAsset]:
        """All assets with exactly one of these names, by id. One request for five hundred names, if few assets have them."""
        distinct = iter(dict.fromkeys(name for name in names if name))
        found: list[RtAsset] = []
        while chunk := list(islice(distinct, NAMES_IN_LIST)):
            query: Query = [{"field": "Name", "operator": "IN", "value": chunk}]
            matching = self._matching(query, lambda asset, chunk=chunk: any(similar(asset.name, name) for name in chunk))  # type: ignore[misc]
            found += [asset for asset in matching if asset.name in chunk]
        return sorted(found, key=lambda asset: asset.id)

    def find_by_serial(self, serial: str) -> list[RtAsset]:
        """Ignores case. Raises RtInvalid if nothing is found and the custom field does not exist."""
        return self._with_serials([serial], operator="=", value=serial) if serial else []

    def find_by_serials(self, serials: Iterable[str]) -> list[RtAsset]:
        """All assets with any of these, by id. One request for two hundred. Otherwise like `find_by_serial`."""
        distinct = iter(dict.fromkeys(serial for serial in serials if serial))
        chunks = iter(lambda: list(islice(distinct, SERIALS_PER_SEARCH)), [])
        found: dict[int, RtAsset] = {}
        with ThreadPoolExecutor(2, thread_name_prefix="rt-serials") as pool:
            for assets in pool.map(lambda chunk: self._with_serials(chunk, operator="IN", value=chunk), chunks):
                found |= {asset.id: asset for asset in assets}
        return [found[asset_id] for asset_id in sorted(found)]

    def find_by_serials_or_names(self, serials: Iterable[str], names: Iterable[str]) -> list[RtAsset]:
        """All assets with any of these serial numbers (ignoring case) or exactly one of these names, by id. One request for two hundred of
        each. Otherwise like `find_by_serial`.

        The query is AssetSQL: conditions of a JSON search that concern different fields must all be met.
        """
        distinct_serials, distinct_names = (iter(dict.fromkeys(text for text in texts if text)) for texts in (serials, names))
        found: dict[int, RtAsset] = {}
        while True:
            some_serials = list(islice(distinct_serials, SERIALS_PER_SEARCH))
            some_names = list(islice(distinct_names, NAMES_BESIDE_SERIALS))
            if not some_serials and not some_names:
                return [found[asset_id] for asset_id in sorted(found)]
            found |= {asset.id: asset for asset in self._with_serials_or_names(some_serials, some_names)}

    def held_by(self, usernames: Iterable[str]) -> list[RtAsset]:
        """Assets with any of these users as holder or owner, by id. Raises RtInvalid for control characters."""
        distinct = iter(dict.fromkeys(name for name in usernames if name))
        found: dict[int, RtAsset] = {}
        while chunk := list(islice(distinct, NAMES_PER_SEARCH)):
            folded = {name.casefold() for name in chunk}
            query = " OR ".join(f"HeldBy.Name = {quoted(name)} OR Owner.Name = {quoted(name)}" for name in chunk)
            for rows in read_all(self._transport, query, FULL):
                # The search by a user's name also finds the assets of the user's groups.
                own = (asset for asset in map(asset_of, rows) if folded & {name.casefold() for name in (*asset.holders, asset.owner)})
                found |= {asset.id: asset for asset in own}
        return [found[asset_id] for asset_id in sorted(found)]

    def search(self, text: str, *, catalog: str = "", page: int = 1, page_size: int = 50) -> RtAssetPage:
        """Assets with `text` in their name, serial number or model (ignoring case), newest first; without text, all assets.

        At most 100 a page. A page may be shorter than `page_size` although more follow. Raises RtInvalid for control characters.
        """
        conditions = [self._mentioning(text)] if text else []
        if catalog:
            conditions.append(f"Catalog = {quoted(catalog)}")
        size = max(1, min(page_size, LARGEST_PAGE))
        query = " AND ".join([*conditions, "id > 0"])
        answer = read_page(self._transport, query, FULL, page=max(1, page), size=size, order="DESC")
        found = [asset_of(row) for row in answer.rows]
        if catalog and not all(similar(asset.catalog, catalog) for asset in found):
            raise misunderstood()
        if found and not WILDCARDS & set(text) and not any(self._mentions(asset, text, contains_similar) for asset in found):
            raise misunderstood()
        more = len(found) == size if answer.total is None else max(1, page) * size < answer.total
        return RtAssetPage([asset for asset in found if self._mentions(asset, text, contains)], more)

    def every_asset(self) -> Iterator[list[RtAsset]]:
        """All assets without their custom fields, a hundred at a time, by id. Raises RtRefused also if the token's user may not see all."""
        with closing(read_all(self._transport, [], HOLDERS, complete=True)) as pages:
            for rows in pages:
                yield [asset_of(row) for row in rows]

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        """Id and name, a hundred at a time, by id. Case matters unless `any_case`.

        Raises RtRefused also if the token's user may not see all assets.
        """
        query: Query = [{"field": "Name", "operator": "STARTSWITH", "value": pattern(prefix)}] if prefix else []

        def matches(name: str) -> bool:
            return name.startswith(prefix) or (any_case and same(name[: len(prefix)], prefix))

        with closing(read_all(self._transport, query, NAMES, complete=True)) as pages:
            for rows in pages:
                found = [(number(row.get("id")), text(row.get("Name"))) for row in rows]
                if not WILDCARDS & set(prefix) and not any(contains_similar(name, prefix) for _id, name in found):
                    raise misunderstood()
                if matching := [(asset_id, name) for asset_id, name in found if matches(name)]:
                    yield matching

    def without_prefix(
        self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str = "", brief: bool = False
    ) -> Iterator[list[RtAsset]]:
        """Assets of these catalogs whose name begins with none of the prefixes (ignoring case), a hundred at a time, by id; with `text`
        only those whose name, serial number or model contains it. Without `text`, `brief` reads id, name and catalog only, which takes
        Request Tracker half the time. Raises RtInvalid for control characters."""
        names, folded = list(catalogs), tuple(prefix.casefold() for prefix in prefixes)
        if not names:
            return
        # A wildcard in LIKE would exclude more than is meant; such a prefix is left to the check of each row.
        excluded = [f"Name NOT STARTSWITH {quoted(prefix)}" for prefix in folded if not WILDCARDS & set(prefix)]
        inside = " OR ".join(f"Catalog = {quoted(name)}" for name in names)
        conditions = [f"({inside})", *excluded, *([self._mentioning(text)] if text else [])]
        fields = NAMES_AND_CATALOGS if brief and not text else FULL
        with closing(read_all(self._transport, " AND ".join(conditions), fields)) as pages:
            for rows in pages:
                assets = [asset_of(row) for row in rows]
                if not all(any(similar(asset.catalog, name) for name in names) for asset in assets):
                    raise misunderstood()
                matching = [asset for asset in assets if not asset.name.casefold().startswith(folded)]
                yield [asset for asset in matching if not text or self._mentions(asset, text, contains)]

    def query(self, query: str, *, limit: int, after_id: int = 0) -> Iterator[list[RtAsset]]:
        """Assets with ids greater than `after_id` that match an AssetSQL query: by id, a hundred at a time as they arrive, at most `limit`.

        Raises RtInvalid unless Request Tracker proves that it understands all of the query.
        """
        trusted, left = self._trusted(query), limit
        with closing(read_all(self._transport, trusted, FULL, complete=True, after_id=after_id)) as pages:
            for rows in pages:
                yield [asset_of(row) for row in rows[:left]]
                left -= len(rows)
                if left <= 0:
                    return
        if left == limit:
            self._check_was_run(trusted)

    def count(self, query: str) -> int:
        """How many assets match an AssetSQL query, in two requests. Raises RtInvalid like `query`."""
        trusted = self._trusted(query)
        total = read_page(self._transport, after(trusted, 0), NAMES, size=1).total
        if total is None:
            raise incomplete()
        if not total:
            self._check_was_run(trusted)
        return total

    def catalogs(self) -> list[str]:
        """Names of the catalogs that the token's user may see, sorted."""
        query: Query = []
        pages = read_all(self._transport, query, NAMES, path="catalogs")
        return sorted({text(row.get("Name")) for rows in pages for row in rows} - {""})

    def _chunk(self, ids: list[int]) -> list[RtAsset]:
        page = read_page(self._transport, [{"field": "id", "operator": "IN", "value": ids}], FULL)
        found = {asset.id: asset for asset in map(asset_of, page.rows)}
        if found.keys() - set(ids):
            raise misunderstood()
        if page.total is not None and page.total != len(found):
            raise RtRefused(
                _("Request Tracker found %(expected)s assets and returned %(count)s. Try again.", expected=page.total, count=len(found))
            )
        return [found[asset_id] for asset_id in ids if asset_id in found]

    def _with_serials(self, serials: list[str], *, operator: str, value: str | list[str]) -> list[RtAsset]:
        field, folded = self.serial_field, {serial.casefold() for serial in serials}
        query: Query = [{"field": f"CF.{{{field}}}", "operator": operator, "value": value}]
        try:
            found = self._matching(query, lambda asset: any(similar(each, serial) for each in _values(asset, field) for serial in serials))
        except RtRefused:
            # Request Tracker ignores a condition on a field that does not exist, or no longer exists.
            self._custom_fields.require_still(field)
            raise
        assets = [asset for asset in found if any(each.casefold() in folded for each in _values(asset, field))]
        if not assets:
            self._custom_fields.require(field)
        return assets

    def _with_serials_or_names(self, serials: list[str], names: list[str]) -> list[RtAsset]:
        field, folded, wanted = self.serial_field, {serial.casefold() for serial in serials}, set(names)
        conditions = [*(f"CF.{{{field}}} = {quoted(serial)}" for serial in serials), *(f"Name = {quoted(name)}" for name in names)]

        def is_similar(asset: RtAsset) -> bool:
            values = _values(asset, field)
            return any(similar(asset.name, name) for name in names) or any(similar(each, serial) for each in values for serial in serials)

        try:
            found = self._matching(" OR ".join(conditions), is_similar)
        except RtRefused:
            self._custom_fields.require(field)
            raise
        with_serial = [asset for asset in found if any(each.casefold() in folded for each in _values(asset, field))]
        if serials and not with_serial:
            self._custom_fields.require(field)
        return [asset for asset in found if asset.name in wanted or asset in with_serial]

    def _trusted(self, query: str) -> str:
        """Request Tracker runs an AssetSQL query up to the first part that it does not understand, and ignores the rest. So the query is
        first sent with a final condition that no asset meets: a row in the response means that the end was ignored.
        """
        trimmed = " ".join(query.split())
        if not trimmed:
            raise RtInvalid(_("The query is empty. Enter a condition, such as Catalog = 'Chromebooks'."))
        try:
            is_understood = not self._count_rows(f"({trimmed}) AND id = 0")
        except RtSearchFailed:
            raise
        except RtInvalid:
            is_understood = False  # some queries cause an internal error, with a message that does not help
        if not is_understood:
            raise RtInvalid(
                _(
                    "Request Tracker does not understand all of this query and would return assets that do not match. "
                    "Write it as in RT's asset search: custom fields as CF.{Serial Number}, several ids as id = 1 OR id = 2."
                )
            )
        return trimmed

    def _check_was_run(self, trusted: str) -> None:
        """For a query without results: if its database cannot run a query, Request Tracker logs the error and returns no rows."""
        if not self._count_rows(f"({trusted}) OR id > 0") and self._count_rows([{"field": "id", "operator": ">", "value": 0}]):
            raise RtInvalid(_("Request Tracker cannot run this query, probably because it is too long. Use fewer conditions."))

    def _matching(self, query: Query, is_similar: Callable[[RtAsset], bool]) -> list[RtAsset]:
        """All rows. At least one on each page must match, or Request Tracker did not understand the query."""
        found: list[RtAsset] = []
        for rows in read_all(self._transport, query, FULL):
            assets = [asset_of(row) for row in rows]
            if not any(map(is_similar, assets)):
                raise misunderstood()
            found += assets
        return found

    def _count_rows(self, query: Query) -> int:
        page = read_page(self._transport, query, NAMES, size=1)
        return len(page.rows) if page.total is None else page.total

    def _mentioning(self, text: str) -> str:
        like = quoted(pattern(text))
        return f"(Name LIKE {like} OR CF.{{{self.serial_field}}} LIKE {like} OR CF.{{{self.model_field}}} LIKE {like})"

    def _mentions(self, asset: RtAsset, text: str, contains: Callable[[str, str], bool]) -> bool:
        values = (asset.name, asset.fields.get(self.serial_field, ""), asset.fields.get(self.model_field, ""))
        return any(contains(each, text) for each in values)


def _values(asset: RtAsset, field: str) -> list[str]:
    """The field's values: those of a field with several are joined."""
    joined = asset.fields.get(field, "")
    return [joined, *joined.split(", ")]
