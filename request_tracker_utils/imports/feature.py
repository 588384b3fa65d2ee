"""What imports of files contribute to the app."""

from datetime import timedelta

from flask import Flask

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.imports import cli, service
from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.web.feature import Feature
from request_tracker_utils.web.registry import registry_of

DELETE_OLD_IMPORTS = "delete-old-imports"


def install(app: Flask) -> None:
    registry_of(app).provide(RowTypes, RowTypes())


def delete_old_files() -> int:
    with transaction() as session:
        return service.delete_old(session, now=steady_now(session, DELETE_OLD_IMPORTS, utc_now()))


feature = Feature(
    name="imports",
    commands=[cli.imports],
    jobs=[Job(DELETE_OLD_IMPORTS, "Delete uploaded files after 30 days", timedelta(days=1), delete_old_files)],
    install=install,
)
