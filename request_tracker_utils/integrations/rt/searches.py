"""Finding assets. Request Tracker answers what it misunderstands with everything or with nothing, so each row is checked."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice

from request_tracker_utils.integrations.rt.assetsql import pattern, quoted
from request_tracker_utils.integrations.rt.errors import RtInvalid, RtRefused
from request_tracker_utils.integrations.rt.pages import (
    FULL,
    HOLDERS,
    LARGEST_PAGE,
    NAMES,
    NAMES_AND_CATALOGS,
    Query,
    after,
    misunderstood,
    not_complete,
    read_all,
    read_page,
)
from request_tracker_utils.integrations.rt.rows import RtAsset, RtAssetPage, alike, asset_of, holds, holds_alike, number, same, text
from request_tracker_utils.integrations.rt.schema import Schema
from request_tracker_utils.integrations.rt.transport import Transport

LARGEST_ID = 2**31 - 1
NAMES_A_QUERY = 25
"""Users in one search for holders. SQLite joins at most 64 tables, which 28 names reach; beyond that Request Tracker finds nothing."""
SERIALS_A_SEARCH = 200
WILDCARDS = frozenset("%_\\")


class Searches:
    def __init__(self, transport: Transport, schema: Schema, *, serial_field: str, model_field: str) -> None:
        self._transport, self._schema = transport, schema
        self._serial, self._model = serial_field, model_field

    def by_ids(self, asset_ids: Iterable[int]) -> Iterator[list[RtAsset]]:
        wanted = (each for each in dict.fromkeys(asset_ids) if 0 < each <= LARGEST_ID)
        chunks = iter(lambda: list(islice(wanted, LARGEST_PAGE)), [])
        with ThreadPoolExecutor(2, thread_name_prefix="rt-assets") as pool:
            asked: deque[Future[list[RtAsset]]] = deque(pool.submit(self._chunk, chunk) for chunk in islice(chunks, 2))
            try:
                while asked:
                    found = asked.popleft().result()
                    asked.extend(pool.submit(self._chunk, chunk) for chunk in islice(chunks, 1))
                    yield found
            finally:
                for future in asked:
                    future.cancel()

    def by_name(self, name: str) -> list[RtAsset]:
        if not name:
            return []
        found = self._matching([{"field": "Name", "operator": "=", "value": name}], lambda asset: alike(asset.name, name))
        return [asset for asset in found if asset.name == name]

    def by_names(self, names: Iterable[str]) -> list[RtAsset]:
        wanted = iter(dict.fromkeys(name for name in names if name))
        found: list[RtAsset] = []
        while chunk := list(islice(wanted, LARGEST_PAGE)):
            query: Query = [{"field": "Name", "operator": "IN", "value": chunk}]
            matching = self._matching(query, lambda asset, asked=chunk: any(alike(asset.name, name) for name in asked))  # type: ignore[misc]
            found += [asset for asset in matching if asset.name in chunk]
        return sorted(found, key=lambda asset: asset.id)

    def every(self) -> Iterator[list[RtAsset]]:
        with closing(read_all(self._transport, [], HOLDERS, complete=True)) as pages:
            for rows in pages:
                yield [asset_of(row) for row in rows]

    def by_serial(self, serial: str) -> list[RtAsset]:
        return self._with_serials([serial], operator="=", value=serial) if serial else []

    def by_serials(self, serials: Iterable[str]) -> list[RtAsset]:
        wanted = iter(dict.fromkeys(serial for serial in serials if serial))
        chunks = iter(lambda: list(islice(wanted, SERIALS_A_SEARCH)), [])
        found: dict[int, RtAsset] = {}
        with ThreadPoolExecutor(2, thread_name_prefix="rt-serials") as pool:
            for assets in pool.map(lambda chunk: self._with_serials(chunk, operator="IN", value=chunk), chunks):
                found |= {asset.id: asset for asset in assets}
        return [found[asset_id] for asset_id in sorted(found)]

    def by_text(self, wanted: str, *, catalog: str, page: int, page_size: int) -> RtAssetPage:
        conditions = [self._mentioning(wanted)] if wanted else []
        if catalog:
            conditions.append(f"Catalog = {quoted(catalog)}")
        size = max(1, min(page_size, LARGEST_PAGE))
        query = " AND ".join([*conditions, "id > 0"])
        answer = read_page(self._transport, query, FULL, page=max(1, page), size=size, order="DESC")
        found = [asset_of(row) for row in answer.rows]
        if catalog and not all(alike(asset.catalog, catalog) for asset in found):
            raise misunderstood()
        if found and not WILDCARDS & set(wanted) and not any(self._mentions(asset, wanted, holds_alike) for asset in found):
            raise misunderstood()
        more = len(found) == size if answer.total is None else max(1, page) * size < answer.total
        return RtAssetPage([asset for asset in found if self._mentions(asset, wanted, holds)], more)

    def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
        query: Query = [{"field": "Name", "operator": "STARTSWITH", "value": pattern(prefix)}] if prefix else []

        def begins(name: str) -> bool:
            return name.startswith(prefix) or (any_case and same(name[: len(prefix)], prefix))

        with closing(read_all(self._transport, query, NAMES, complete=True)) as pages:
            for rows in pages:
                found = [(number(row.get("id")), text(row.get("Name"))) for row in rows]
                if not WILDCARDS & set(prefix) and not any(holds_alike(name, prefix) for _, name in found):
                    raise misunderstood()
                if kept := [(number_, name) for number_, name in found if begins(name)]:
                    yield kept

    def named_otherwise(self, prefixes: Iterable[str], *, catalogs: Iterable[str], text: str, brief: bool) -> Iterator[list[RtAsset]]:
        names, folded = list(catalogs), tuple(prefix.casefold() for prefix in prefixes)
        if not names:
            return
        # What stands for any character in LIKE would leave out more than is meant; such a prefix is left to the check of each row.
        told = [f"Name NOT STARTSWITH {quoted(prefix)}" for prefix in folded if not WILDCARDS & set(prefix)]
        inside = " OR ".join(f"Catalog = {quoted(name)}" for name in names)
        conditions = [f"({inside})", *told, *([self._mentioning(text)] if text else [])]
        fields = NAMES_AND_CATALOGS if brief and not text else FULL
        with closing(read_all(self._transport, " AND ".join(conditions), fields)) as pages:
            for rows in pages:
                assets = [asset_of(row) for row in rows]
                if not all(any(alike(asset.catalog, name) for name in names) for asset in assets):
                    raise misunderstood()
                kept = [asset for asset in assets if not asset.name.casefold().startswith(folded)]
                yield [asset for asset in kept if not text or self._mentions(asset, text, holds)]

    def by_query(self, query: str, *, limit: int, beyond: int) -> Iterator[list[RtAsset]]:
        asked, left = self._trusted(query), limit
        with closing(read_all(self._transport, asked, FULL, complete=True, last=beyond)) as pages:
            for rows in pages:
                yield [asset_of(row) for row in rows[:left]]
                left -= len(rows)
                if left <= 0:
                    return
        if left == limit:
            self._check_was_run(asked)

    def count_by_query(self, query: str) -> int:
        asked = self._trusted(query)
        total = read_page(self._transport, after(asked, 0), NAMES, size=1).total
        if total is None:
            raise not_complete()
        if not total:
            self._check_was_run(asked)
        return total

    def by_holders(self, names: Iterable[str]) -> list[RtAsset]:
        wanted = iter(dict.fromkeys(name for name in names if name))
        found: dict[int, RtAsset] = {}
        while chunk := list(islice(wanted, NAMES_A_QUERY)):
            folded = {name.casefold() for name in chunk}
            query = " OR ".join(f"HeldBy.Name = {quoted(name)} OR Owner.Name = {quoted(name)}" for name in chunk)
            for rows in read_all(self._transport, query, FULL):
                # What a group holds is found by its members' names too, and is not theirs.
                held = (asset for asset in map(asset_of, rows) if folded & {name.casefold() for name in (*asset.holders, asset.owner)})
                found |= {asset.id: asset for asset in held}
        return [found[asset_id] for asset_id in sorted(found)]

    def _chunk(self, ids: list[int]) -> list[RtAsset]:
        page = read_page(self._transport, [{"field": "id", "operator": "IN", "value": ids}], FULL)
        found = {asset.id: asset for asset in map(asset_of, page.rows)}
        if found.keys() - set(ids):
            raise misunderstood()
        if page.total is not None and page.total != len(found):
            raise RtRefused(f"Request Tracker found {page.total} assets and gave {len(found)}. Try again.")
        return [found[asset_id] for asset_id in ids if asset_id in found]

    def _with_serials(self, serials: list[str], *, operator: str, value: str | list[str]) -> list[RtAsset]:
        field, folded = self._serial, {serial.casefold() for serial in serials}
        query: Query = [{"field": f"CF.{{{field}}}", "operator": operator, "value": value}]
        try:
            found = self._matching(query, lambda asset: any(alike(each, serial) for each in _values(asset, field) for serial in serials))
        except RtRefused:
            # A condition on a field that does not exist is passed over.
            self._schema.require(field)
            raise
        assets = [asset for asset in found if any(each.casefold() in folded for each in _values(asset, field))]
        if not assets:
            self._schema.require(field)
        return assets

    def _trusted(self, query: str) -> str:
        """Request Tracker runs an AssetSQL query up to the first thing that it does not understand, and drops the rest. So the same
        query is first asked with an end that no asset fulfils: a row in that answer means that the end was not reached.
        """
        asked = " ".join(query.split())
        if not asked:
            raise RtInvalid("The query is empty. Write a condition, such as Catalog = 'Chromebooks'.")
        try:
            is_understood = not self._count(f"({asked}) AND id = 0")
        except RtInvalid:
            is_understood = False  # over some it stumbles, and what it says then is about its own insides
        if not is_understood:
            raise _untrusted()
        return asked

    def _check_was_run(self, asked: str) -> None:
        """Of a query that found nothing: one too large for RT's database is logged there as an error and answered with nothing."""
        if not self._count(f"({asked}) OR id > 0") and self._count([{"field": "id", "operator": ">", "value": 0}]):
            raise RtInvalid("Request Tracker cannot run this query, it is probably too long. Ask for less at once.")

    def _matching(self, query: Query, alike_to: Callable[[RtAsset], bool]) -> list[RtAsset]:
        """The rows, of which at least one a page must be what was asked, or the answer is to another question."""
        found: list[RtAsset] = []
        for rows in read_all(self._transport, query, FULL):
            assets = [asset_of(row) for row in rows]
            if not any(map(alike_to, assets)):
                raise misunderstood()
            found += assets
        return found

    def _count(self, query: Query) -> int:
        page = read_page(self._transport, query, NAMES, size=1)
        return len(page.rows) if page.total is None else page.total

    def _mentioning(self, text: str) -> str:
        like = quoted(pattern(text))
        return f"(Name LIKE {like} OR CF.{{{self._serial}}} LIKE {like} OR CF.{{{self._model}}} LIKE {like})"

    def _mentions(self, asset: RtAsset, wanted: str, contains: Callable[[str, str], bool]) -> bool:
        return any(contains(each, wanted) for each in (asset.name, asset.fields.get(self._serial, ""), asset.fields.get(self._model, "")))


def _values(asset: RtAsset, field: str) -> list[str]:
    whole = asset.fields.get(field, "")
    return [whole, *whole.split(", ")]


def _untrusted() -> RtInvalid:
    return RtInvalid(
        "Request Tracker does not understand this query to its end and would answer with assets that were not asked for. "
        "Write it as in RT's asset search: custom fields as CF.{Serial Number}, several ids as id = 1 OR id = 2."
    )
