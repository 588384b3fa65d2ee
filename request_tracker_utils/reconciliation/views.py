"""The page of a reconciliation: open discrepancies by kind, and the buttons that compare and resolve."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import LARGEST_ID, reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable, UpstreamRefused
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.reconciliation import service
from request_tracker_utils.reconciliation.errors import ComparisonRunning, DiscrepancyNotFound
from request_tracker_utils.reconciliation.reconciler import BulkOption, Entry, Kind, Reconciliation
from request_tracker_utils.reconciliation.tasks import compared_at, start_bulk_resolution, start_comparison
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import admit, current_actor, require

FEW, PAGE = 5, 50
"""Discrepancies of a kind that are shown beside other kinds, and alone."""


@dataclass(frozen=True)
class Group:
    """The open discrepancies of a kind; `bulk` has the number to which each option applies."""

    kind: Kind
    count: int
    entries: Sequence[Entry[Any]]
    more: bool
    bulk: Sequence[tuple[BulkOption, int]]


def pages(reconciliation: Reconciliation[Any]) -> Blueprint:
    """The blueprint of a reconciliation; the domain may add routes to it."""
    blueprint = Blueprint(reconciliation.name, __name__, url_prefix=reconciliation.address)

    @blueprint.get("")
    @require(reconciliation.read)
    def overview() -> str:
        """Open differences by kind, each with its options; a single kind, page by page, where the query names it."""
        chosen = reconciliation.kind(request.args.get("kind", ""))
        after = min(max(0, request.args.get("after", 0, type=int)), LARGEST_ID) if chosen else 0
        return _render(reconciliation, chosen, after)

    @blueprint.post("/compare")
    @require(reconciliation.resolve)
    def compare() -> ResponseReturnValue:
        """Starts a comparison and redirects to its task, or to the one that is already running."""
        try:
            with transaction() as session:
                task_id = start_comparison(session, reconciliation, actor=current_actor(), now=utc_now()).id
        except ComparisonRunning as error:
            task_id = error.fields["task_id"]
        return redirect(url_for("tasks.show", task_id=task_id), 303)

    @blueprint.post("/<int:difference_id>/resolve")
    @require(reconciliation.resolve)
    def resolve(difference_id: int) -> ResponseReturnValue:
        """Applies the option of the button. If something has changed, nothing is done and the page shows the current state."""
        resolution = _resolution(reconciliation)
        fingerprint, actor = request.form.get("fingerprint", ""), current_actor()
        discrepancies, reconciler = reconciliation.discrepancies, reconciliation.reconciler()
        try:
            result = service.resolve(
                transaction, discrepancies, reconciler, difference_id, resolution, fingerprint=fingerprint, actor=actor, clock=utc_now
            )
            flash(result, "success")
        except DiscrepancyNotFound:
            raise
        except (Conflict, NotFound, Invalid) as error:
            flash(error.message, "warning")
        except (Unavailable, UpstreamRefused) as error:
            flash(_("The difference was not resolved: %(reason)s", reason=error.message), "danger")
        return redirect(_previous_page(reconciliation), 303)

    @blueprint.post("/resolve-all")
    @require(reconciliation.resolve)
    def resolve_all() -> ResponseReturnValue:
        """Starts a task that applies an option to all differences of a kind."""
        kind, resolution = reconciliation.kind(request.form.get("kind", "")), _resolution(reconciliation)
        option = next((each for each in kind.bulk if each.resolution == resolution), None) if kind else None
        if kind is None or option is None:
            raise DiscrepancyNotFound(_("These differences cannot be resolved together. Reload the page."))
        with transaction() as session:
            task = start_bulk_resolution(session, reconciliation, kind, option, actor=current_actor(), now=utc_now())
        if task is None:
            flash(_("No remaining difference can be resolved this way."), "warning")
            return redirect(_previous_page(reconciliation), 303)
        return redirect(url_for("tasks.show", task_id=task.id), 303)

    return blueprint


def _render(reconciliation: Reconciliation[Any], chosen: Kind | None, after: int) -> str:
    with reading() as session:
        counts = reconciliation.discrepancies.count_open(session)
        shown = [chosen] if chosen else [kind for kind in reconciliation.kinds if counts[kind.value]]
        groups = [_group(session, reconciliation, kind, counts[kind.value], after, PAGE if chosen else FEW) for kind in shown]
        context = {
            "groups": groups,
            "compared_at": compared_at(session, reconciliation),
            "running": tasks.open_task(session, reconciliation.comparison_task),
            "ignored": reconciliation.discrepancies.count_ignored(session),
            **reconciliation.context(session),
        }
    if reconciliation.personal_data:
        record_list(reconciliation.personal_data, sum(len(group.entries) for group in groups))
    return render_template(
        reconciliation.template,
        reconciliation=reconciliation,
        source=reconciliation.source(),
        counts=counts,
        chosen=chosen,
        after=after,
        may_resolve=current_actor().may(reconciliation.resolve),
        may_use=lambda resolution: _may_use(reconciliation, resolution),
        **context,
    )


def _group(session: Session, reconciliation: Reconciliation[Any], kind: Kind, count: int, after: int, limit: int) -> Group:
    found, more = reconciliation.discrepancies.page(session, kind.value, after=after, limit=limit)
    eligible = [(option, reconciliation.discrepancies.count(session, kind.value, option.eligible)) for option in kind.bulk if count > 1]
    bulk = [(option, number) for option, number in eligible if number and _may_use(reconciliation, option.resolution)]
    return Group(kind, count, reconciliation.reconciler().options(session, found), more, bulk)


def _may_use(reconciliation: Reconciliation[Any], resolution: str) -> bool:
    permission = reconciliation.restricted.get(resolution)
    return permission is None or current_actor().may(permission)


def _resolution(reconciliation: Reconciliation[Any]) -> str:
    """The option of the button. Raises DiscrepancyNotFound for none, Forbidden for one that the caller's role does not include."""
    resolution = request.form.get("resolution", "")
    if resolution not in list(reconciliation.resolutions):
        raise DiscrepancyNotFound(_("No difference can be resolved this way. Reload the page."))
    if resolution in reconciliation.restricted:
        admit(reconciliation.restricted[resolution])
    return resolution


def _previous_page(reconciliation: Reconciliation[Any]) -> str:
    """The page with the button that was pressed, as its form says."""
    kind = reconciliation.kind(request.form.get("shown", ""))
    after = request.form.get("after", 0, type=int) or None
    return url_for(".overview", kind=kind.value if kind else None, after=after)
