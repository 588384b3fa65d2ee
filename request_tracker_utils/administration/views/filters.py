"""Which filters a column has, and what people may write into them."""

from datetime import UTC, datetime
from typing import Any

from flask_admin.contrib.sqla.filters import (
    BooleanEqualFilter,
    FilterEmpty,
    FilterEqual,
    FilterGreater,
    FilterLike,
    FilterNotLike,
    FilterSmaller,
    IntEqualFilter,
    IntGreaterFilter,
    IntSmallerFilter,
)
from flask_admin.model.filters import BaseFilterConverter
from sqlalchemy import Boolean, Integer, String

from request_tracker_utils.core.db import Instant
from request_tracker_utils.web.registry import settings

YES_OR_NO = {"yes": "1", "no": "0", "1": "1", "0": "0"}


class YesOrNo:
    """What people write; Flask-Admin wants 1 or 0."""

    def validate(self, value: str) -> bool:
        return value.lower() in YES_OR_NO

    def clean(self, value: str) -> Any:
        return YES_OR_NO[value.lower()]


class IsEmpty(YesOrNo, FilterEmpty):  # type: ignore[misc]
    def operation(self) -> str:
        return "is empty (yes or no)"


class Is(YesOrNo, BooleanEqualFilter):  # type: ignore[misc]
    def clean(self, value: str) -> bool:
        return YES_OR_NO[value.lower()] == "1"

    def operation(self) -> str:
        return "is (yes or no)"


class Moment:
    """A day or a moment such as 2026-01-31 08:15, in the installation's zone."""

    def clean(self, value: str) -> datetime:
        moment = datetime.fromisoformat(value)
        try:
            return (moment if moment.tzinfo else moment.replace(tzinfo=settings().zone)).astimezone(UTC)
        except OverflowError:
            raise ValueError("there is no such moment") from None


class After(Moment, FilterGreater):  # type: ignore[misc]
    def operation(self) -> str:
        return "after"


class Before(Moment, FilterSmaller):  # type: ignore[misc]
    def operation(self) -> str:
        return "before"


class Filters(BaseFilterConverter):  # type: ignore[misc]
    """Chosen by the column's type; a type that is unknown here can only be empty or not."""

    KINDS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
        (Instant, (After, Before, IsEmpty)),
        (Boolean, (Is,)),
        (Integer, (IntEqualFilter, IntGreaterFilter, IntSmallerFilter, IsEmpty)),
        (String, (FilterLike, FilterNotLike, FilterEqual, IsEmpty)),
    )

    def convert(self, type_name: str, column: Any, name: str, **options: Any) -> list[Any]:
        fitting = next((kinds for kind, kinds in self.KINDS if isinstance(column.type, kind)), (IsEmpty,))
        return [kind(column, name) for kind in fitting]
