"""The database of a running Request Tracker, read and filled past its interface: asking for every asset takes it seconds."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SYSTEM_USER, NOBODY = 1, 6
"""Ids of Request Tracker's own users."""
ROLES = ("Owner", "HeldBy", "Contact")
SERIAL = """
    SELECT CAST(v.ObjectId AS INTEGER), v.Content FROM ObjectCustomFieldValues v
    JOIN CustomFields f ON f.id = v.CustomField AND f.Name = 'Serial Number'
    JOIN Assets a ON a.id = v.ObjectId AND a.Status <> 'deleted'
    WHERE v.ObjectType = 'RT::Asset' AND v.Disabled = 0
"""


class RtDatabase:
    """An SQLite file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def names(self) -> dict[int, str]:
        """Name by id of every asset, deleted ones excepted."""
        with self._connected() as connection:
            return dict(connection.execute("SELECT id, Name FROM Assets WHERE Status <> 'deleted'"))

    def serials(self) -> dict[int, str]:
        """Serial number by id of every asset that has one, deleted ones excepted."""
        with self._connected() as connection:
            return dict(connection.execute(SERIAL))

    def with_serial(self, serial: str) -> list[int]:
        """Ids, by serial number without case, as Request Tracker compares."""
        with self._connected() as connection:
            return [row[0] for row in connection.execute(f"{SERIAL} AND v.Content = ? COLLATE NOCASE ORDER BY v.ObjectId", [serial])]

    def fill(self, count: int, prefix: str, catalog: str) -> range:
        """Adds assets `PREFIX0001` … with the serial numbers `S-PREFIX0001` …, owned by nobody, as Request Tracker itself would. Calls no
        webhook. Returns their ids.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            rows = _Rows(connection)
            (catalog_id,) = connection.execute("SELECT id FROM Catalogs WHERE Name = ?", [catalog]).fetchone()
            (field,) = connection.execute("SELECT id FROM CustomFields WHERE Name = 'Serial Number'").fetchone()
            ids = [_add_asset(rows, f"{prefix}{number:04d}", catalog_id, field) for number in range(1, count + 1)]
            connection.execute("COMMIT")
        return range(ids[0], ids[-1] + 1)

    def set_created(self, asset_id: int, at: datetime) -> None:
        """As if the asset had been created then."""
        with self._connected() as connection:
            connection.execute("UPDATE Assets SET Created = ? WHERE id = ?", [at.strftime("%Y-%m-%d %H:%M:%S"), asset_id])

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._file, timeout=30, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()


class _Rows:
    """Adds rows under the next ids, which are right as long as nobody else writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last: dict[str, int] = {}
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.created = (SYSTEM_USER, now)
        self.made = (*self.created, *self.created)

    def next(self, table: str) -> int:
        """The id that the next row of the table gets."""
        if table not in self._last:
            (self._last[table],) = self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
        return self._last[table] + 1

    def add(self, table: str, *values: Any) -> int:
        row = (self.next(table), *values)
        self._connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        self._last[table] = row[0]
        return int(row[0])

    def add_creation(self, kind: str, of: int) -> None:
        """The transaction that says who created it, and when."""
        self.add("Transactions", kind, of, 0, "Create", *[None] * 7, *self.created)


def _add_asset(rows: _Rows, name: str, catalog: int, field: int) -> int:
    asset = rows.add("Assets", name, catalog, "new", "", *rows.made)
    for role in ROLES:
        _add_role(rows, asset, role)
    rows.add_creation("RT::Asset", asset)
    rows.add("ObjectCustomFieldValues", field, "RT::Asset", asset, 0, f"S-{name}", None, None, "", *rows.made, 0)
    return asset


def _add_role(rows: _Rows, asset: int, role: str) -> None:
    """A role is a group of the asset. The owner's has a member, Nobody."""
    group = rows.add("Principals", "Group", 0)
    rows.add("Groups", role, None, "RT::Asset-Role", asset, *rows.made)
    rows.add_creation("RT::Group", group)
    rows.add("CachedGroupMembers", group, group, rows.next("CachedGroupMembers"), group, 0)
    if role == "Owner":
        rows.add("GroupMembers", group, NOBODY, *rows.made)
        rows.add("CachedGroupMembers", group, NOBODY, rows.next("CachedGroupMembers"), group, 0)
