"""This app's row types, for entry points."""

from request_tracker_utils.imports.row_types import RowType, RowTypes
from request_tracker_utils.web.registry import registry


def row_type(name: str) -> RowType:
    return registry().get(RowTypes).named(name)
