"""The page of the differences between the directory and the devices, and the buttons that settle them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.asset_store.current import place
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Invalid, NotFound, Unavailable, UpstreamRefused
from request_tracker_utils.holders import differences, holder_sync, repair_tickets
from request_tracker_utils.holders.models import DifferenceKind
from request_tracker_utils.holders.options import AT_ONCE, OVERRIDES, Way, choices
from request_tracker_utils.holders.tasks import COMPARE, compared_at, settlement_by, start_comparison, start_settling
from request_tracker_utils.reconciliation.errors import ComparisonRuns, DifferenceNotFound
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.web.auth import admit, current_actor, require
from request_tracker_utils.web.registry import settings

FEW, MANY = 5, 50
"""Differences of a kind that are shown beside other kinds, and alone."""
LARGEST_ID = 2**31 - 1

pages = Blueprint("holder_differences", __name__, url_prefix="/students/differences")


@pages.get("")
@require(StudentPermission.READ)
def overview() -> str:
    """What differs, by kind, and what can be done about each; one kind alone, by pages, where the address names it."""
    chosen = _kind(request.args.get("kind", ""))
    after = min(max(0, request.args.get("after", 0, type=int)), LARGEST_ID)
    with reading() as session:
        counts = differences.RECORD.counts(session)
        groups = []
        for kind in [chosen] if chosen else [kind for kind, count in counts.items() if count]:
            found, more = differences.RECORD.page_of(session, kind, after=after if chosen else 0, limit=MANY if chosen else FEW)
            groups.append((kind, choices(session, found, place=place(), rule=settings().rt_student_user), more, AT_ONCE[kind]))
        facts = {
            "compared_at": compared_at(session),
            "running": tasks.open_task(session, COMPARE),
            "left": differences.RECORD.count_left(session),
            "place": place(),
            **holder_sync.waiting(session),
            **repair_tickets.waiting(session),
        }
        stumbled, tickets = holder_sync.stumbled(session, limit=MANY), repair_tickets.stumbled(session, limit=MANY)
    page = {"groups": groups, "counts": counts, "chosen": chosen, "after": after, "stumbled": stumbled, "stuck_tickets": tickets}
    return render_template("holders/differences.html", **page, **facts)


@pages.post("/compare")
@require(StudentPermission.ASSIGN)
def compare() -> ResponseReturnValue:
    """Starts a comparison, and leads to its progress; to that of the one which is under way where there is one."""
    try:
        with transaction() as session:
            task_id = start_comparison(session, actor=current_actor(), now=utc_now()).id
    except ComparisonRuns as error:
        task_id = error.fields["task_id"]
    return redirect(url_for("tasks.show", task_id=task_id), 303)


@pages.post("/try-again")
@require(StudentPermission.ASSIGN)
def try_again() -> ResponseReturnValue:
    """Has the directory told at once of all devices of which it could not be told."""
    with transaction() as session:
        count = holder_sync.try_again(session, now=utc_now()) + repair_tickets.try_again(session, now=utc_now())
    flash(f"{count} {'is' if count == 1 else 'are'} tried again. Load this page again in a moment.", "info")
    return redirect(url_for(".overview"), 303)


@pages.post("/<int:difference_id>/settle")
@require(StudentPermission.ASSIGN)
def settle(difference_id: int) -> ResponseReturnValue:
    """Settles one in the way of the button. What stands otherwise by now is not touched, and shown as it stands."""
    way = _way(request.form.get("way", ""))
    try:
        flash(settlement_by(current_actor()).settle(difference_id, way, seal=request.form.get("seal", "")), "success")
    except DifferenceNotFound:
        raise
    except (Conflict, NotFound, Invalid) as error:
        flash(error.message, "warning")
    except (Unavailable, UpstreamRefused) as error:
        flash(f"Nothing was settled: {error.message}", "error")
    return redirect(_here(), 303)


@pages.post("/settle-all")
@require(StudentPermission.ASSIGN)
def settle_all() -> ResponseReturnValue:
    """Starts settling all of a kind in one way, and leads to the progress."""
    kind, way = _kind(request.form.get("kind", "")), _way(request.form.get("way", ""))
    if kind is None or way not in AT_ONCE[kind]:
        raise DifferenceNotFound("Differences of this kind are not settled so all at once. Load the page again.")
    with transaction() as session:
        task = start_settling(session, kind, way, actor=current_actor(), now=utc_now())
    if task is None:
        flash("None of them is left.", "warning")
        return redirect(_here(), 303)
    return redirect(url_for("tasks.show", task_id=task.id), 303)


def _kind(text: str) -> DifferenceKind | None:
    return DifferenceKind(text) if text in list(DifferenceKind) else None


def _way(text: str) -> Way:
    """Raises DifferenceNotFound for none, Forbidden for one that the caller's role does not include."""
    if text not in list(Way):
        raise DifferenceNotFound("No difference is settled in this way. Load the page again.")
    if text in OVERRIDES:
        admit(StudentPermission.OVERRIDE)
    return Way(text)


def _here() -> str:
    """The page on which the button was, as the form says."""
    kind = _kind(request.form.get("shown", ""))
    return url_for(".overview", kind=kind, after=request.form.get("after", 0, type=int) or None)
