"""The page of the differences between the directory and the tags, and the buttons that settle them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import asset_store, place
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Unavailable, UpstreamRefused
from request_tracker_utils.reconciliation.errors import ComparisonRuns, DifferenceNotFound
from request_tracker_utils.tags import differences
from request_tracker_utils.tags.models import DifferenceKind
from request_tracker_utils.tags.options import SAFE, Way, choices
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.resolution import Settlement
from request_tracker_utils.tags.tasks import differences as difference_tasks
from request_tracker_utils.tags.tasks.differences import COMPARE
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.web.auth import current_actor, require

FEW, MANY = 5, 50
"""Differences of a kind that are shown beside other kinds, and alone."""
LARGEST_ID = 2**31 - 1

pages = Blueprint("tag_differences", __name__, url_prefix="/admin/asset-tags/differences")


@pages.get("")
@require(TagPermission.READ)
def overview() -> str:
    """What differs, by kind, and what can be done about each; one kind alone, by pages, where the address names it."""
    chosen = _kind(request.args.get("kind", ""))
    after = min(max(0, request.args.get("after", 0, type=int)), LARGEST_ID)
    with reading() as session:
        counts = differences.RECORD.counts(session)
        groups = []
        for kind in [chosen] if chosen else [kind for kind, count in counts.items() if count]:
            found, more = differences.RECORD.page_of(session, kind, after=after if chosen else 0, limit=MANY if chosen else FEW)
            groups.append((kind, choices(session, found, place=place()), more, difference_tasks.count_safe(session, kind)))
        facts = {
            "compared_at": difference_tasks.compared_at(session),
            "running": tasks.open_task(session, COMPARE),
            "left": differences.RECORD.count_left(session),
            "place": place(),
        }
    return render_template("tags/differences.html", groups=groups, counts=counts, chosen=chosen, after=after, **facts)


@pages.post("/compare")
@require(TagPermission.ASSIGN)
def compare() -> ResponseReturnValue:
    """Starts a comparison, and leads to its progress; to that of the one which is under way where there is one."""
    try:
        with transaction() as session:
            task_id = difference_tasks.start_comparison(session, actor=current_actor(), now=utc_now()).id
    except ComparisonRuns as error:
        task_id = error.fields["task_id"]
    return redirect(url_for("tasks.show", task_id=task_id), 303)


@pages.post("/<int:difference_id>/settle")
@require(TagPermission.ASSIGN)
def settle(difference_id: int) -> ResponseReturnValue:
    """Settles one in the way of the button. What stands otherwise by now is not touched, and shown as it stands."""
    way = _way(request.form.get("way", ""))
    settlement = Settlement(transaction, asset_store(), place=place(), actor=current_actor(), clock=utc_now)
    try:
        flash(settlement.settle(difference_id, way, seal=request.form.get("seal", "")), "success")
    except Conflict as error:
        flash(error.message, "warning")
    except (Unavailable, UpstreamRefused) as error:
        flash(f"Nothing was settled: {error.message}", "error")
    return redirect(_here(), 303)


@pages.post("/settle-all")
@require(TagPermission.ASSIGN)
def settle_all() -> ResponseReturnValue:
    """Starts settling all of a kind in its safe way, and leads to the progress."""
    kind = _kind(request.form.get("kind", ""))
    if kind not in SAFE:
        raise DifferenceNotFound("Differences of this kind are settled one by one.")
    with transaction() as session:
        task = difference_tasks.start_settling(session, kind, actor=current_actor(), now=utc_now())
    if task is None:
        flash("None of them is left to be settled this way.", "warning")
        return redirect(_here(), 303)
    return redirect(url_for("tasks.show", task_id=task.id), 303)


def _kind(text: str) -> DifferenceKind | None:
    return DifferenceKind(text) if text in list(DifferenceKind) else None


def _way(text: str) -> Way:
    if text not in list(Way):
        raise DifferenceNotFound("No difference is settled in this way. Load the page again.")
    return Way(text)


def _here() -> str:
    """The page on which the button was, as the form says."""
    kind = _kind(request.form.get("shown", ""))
    return url_for(".overview", kind=kind, after=request.form.get("after", 0, type=int) or None)
