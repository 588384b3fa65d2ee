"""What imports of files contribute to the app."""

from datetime import timedelta

from flask import Flask

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.imports import cli, service
from request_tracker_utils.imports.current import OtherWaitingLists
from request_tracker_utils.imports.permissions import GRANTS
from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.web.feature import Feature
from request_tracker_utils.web.registry import registry_of

DELETE_OLD_IMPORTS, DELETE_WAITING = "delete-old-imports", "delete-waiting-imports"


def install(app: Flask) -> None:
    registry_of(app).provide(RowTypes, RowTypes())
    registry_of(app).provide(OtherWaitingLists, OtherWaitingLists())


def delete_old_files() -> int:
    with transaction() as session:
        return service.delete_old(session, now=steady_now(session, DELETE_OLD_IMPORTS, utc_now()))


def delete_waiting_files() -> int:
    with transaction() as session:
        return service.delete_waiting(session, now=steady_now(session, DELETE_WAITING, utc_now()))


feature = Feature(
    name="imports",
    commands=[cli.imports],
    jobs=[
        Job(DELETE_OLD_IMPORTS, "Delete imports after 30 days; until then, they can be undone", timedelta(days=1), delete_old_files),
        Job(
            DELETE_WAITING,
            gettext_noop("Delete the rows of uploaded files that were not imported within a day"),
            timedelta(hours=1),
            delete_waiting_files,
        ),
    ],
    grants=GRANTS,
    install=install,
)
