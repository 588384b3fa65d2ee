"""Imports, as the app sees them."""

from flask import Flask

from request_tracker_utils.imports.jobs import jobs
from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.web.feature import Feature
from request_tracker_utils.web.registry import registry_of


def install(app: Flask) -> None:
    registry_of(app).provide(RowTypes, RowTypes())


feature = Feature(name="imports", jobs=jobs, install=install)
