"""One test for a table of cases: every row is checked, and all that fail are reported together."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def check_all(rows: Iterable[Any], check: Callable[..., object]) -> None:
    """Calls `check` with each row, spread where it is a tuple. Raises one AssertionError that names every row that failed, and why."""
    failures, count = [], 0
    for row in rows:
        count += 1
        try:
            check(*row) if isinstance(row, tuple) else check(row)
        except (AssertionError, pytest.fail.Exception) as error:
            failures.append(f"{row!r}: {error}")
    assert count, "the table is empty"
    assert not failures, f"{len(failures)} of {count} rows:\n" + "\n".join(failures)
