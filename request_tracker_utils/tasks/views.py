"""Pages of tasks: a list of all, and one with its progress and the items that failed."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Forbidden
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.tasks.models import ItemState, TaskState
from request_tracker_utils.tasks.permissions import TaskPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import requested_page
from request_tracker_utils.web.registry import registry

SHOWN = 200
"""Items of one state that the page shows."""

pages = Blueprint("tasks", __name__, url_prefix="/tasks")


@pages.get("")
@require(TaskPermission.READ)
def all_tasks() -> str:
    """Every task, newest first."""
    page = requested_page()
    with reading() as session:
        tasks, more = service.recent(session, page=page)
        return render_template("tasks/tasks.html", tasks=tasks, page=page, more=more)


@pages.get("/<int:task_id>")
@require(TaskPermission.READ)
def show(task_id: int) -> str:
    """The progress of the task; when it has ended, which items failed and why, and where to continue."""
    with reading() as session:
        task = service.get(session, task_id)
        items = {state: service.items(session, task_id, state, limit=SHOWN) for state in (ItemState.FAILED, ItemState.DONE)}
        pending = service.count_items(session, task_id).get(ItemState.PENDING, 0)
    kind = registry().get(TaskKinds).named(task.kind)
    links = kind.links(task) if kind and task.state == TaskState.DONE else ()
    may_run = kind is not None and current_actor().may(kind.permission)
    return render_template("tasks/task.html", task=task, items=items, pending=pending, links=links, may_run=may_run, shown=SHOWN)


@pages.post("/<int:task_id>/cancel")
@require(TaskPermission.RUN)
def cancel(task_id: int) -> ResponseReturnValue:
    """Ends the task; items that are done stay done."""
    _check_kind(task_id)
    with transaction() as session:
        service.cancel(session, task_id, now=utc_now())
    flash(_("Task cancelled. Items that are done stay done."), "success")
    return redirect(url_for(".show", task_id=task_id), 303)


@pages.post("/<int:task_id>/resume")
@require(TaskPermission.RUN)
def resume(task_id: int) -> ResponseReturnValue:
    """Continues with the items that are pending or failed."""
    _check_kind(task_id)
    with transaction() as session:
        service.resume(session, task_id, now=utc_now())
    return redirect(url_for(".show", task_id=task_id), 303)


def _check_kind(task_id: int) -> None:
    """Raises TaskNotFound; Forbidden for callers who may not start a task of this kind."""
    with reading() as session:
        kind = registry().get(TaskKinds).named(service.get(session, task_id).kind)
    if kind is not None and not current_actor().may(kind.permission):
        raise Forbidden(
            _("Your role does not have the permission %(permission)s.", permission=kind.permission), permission=str(kind.permission)
        )
