"""Pages for administrators: *Send a test message*, and the suppressed addresses."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.notifications import suppression
from request_tracker_utils.notifications.forms import CHANNELS, ReleaseForm, TestMessageForm
from request_tracker_utils.notifications.permissions import NotificationPermission
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.notifications.suppression import SuppressionReason
from request_tracker_utils.notifications.tasks import start_test
from request_tracker_utils.web.access_log import record_list
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.paging import requested_page
from request_tracker_utils.web.registry import registry

PAGE_SIZE, RELEASED = 50, 20
REASONS = {
    SuppressionReason.BOUNCED: gettext_noop("Bounced"),
    SuppressionReason.COMPLAINED: gettext_noop("Marked as spam"),
    SuppressionReason.UNSUBSCRIBED: gettext_noop("Unsubscribed"),
    SuppressionReason.STOPPED: gettext_noop("Answered STOP"),
}

pages = Blueprint("notification_administration", __name__, url_prefix="/notifications")


@pages.route("/test", methods=["GET", "POST"])
@require(NotificationPermission.SEND, by_token=False)
def test_message() -> ResponseReturnValue:
    """Sends a test message in a task, whose page says what each provider answered."""
    form = TestMessageForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                task = start_test(
                    session, Channel(form.channel.data), (form.address.data or "").strip(), actor=current_actor(), now=utc_now()
                )
            return redirect(url_for("tasks.show", task_id=task.id), 303)
        except Invalid as error:
            form.address.errors = [error.message]
    page = render_template("notifications/test.html", form=form, channels=CHANNELS, providers=_providers())
    return page, 400 if form.errors else 200


@pages.get("/suppressed")
@require(NotificationPermission.SEND)
def suppressed() -> str:
    """Addresses to which nothing is sent, and those that were removed from them."""
    return _suppressed_page(ReleaseForm(formdata=None))


@pages.post("/suppressed/remove")
@require(NotificationPermission.SEND, by_token=False)
def release() -> ResponseReturnValue:
    """Removes an address from the suppressed ones, with a reason."""
    form = ReleaseForm()
    channel, address = (request.form.get(name, "").replace("\0", "")[:254] for name in ("channel", "address"))
    if not form.validate_on_submit():
        return _suppressed_page(form, address), 400
    with transaction() as session:
        given = {"reason": form.reason.data.strip(), "actor": current_actor(), "now": utc_now()}
        suppression.release_by_person(session, channel, address, **given)
    flash(_("Messages to %(address)s are sent again.", address=address), "success")
    return redirect(url_for(".suppressed"), 303)


def _providers() -> dict[Channel, list[str]]:
    """The providers of each channel, in the order in which they are tried."""
    providers = registry().get(Providers)
    return {channel: [provider.title for provider in providers.of(channel)] for channel in Channel}


def _suppressed_page(form: ReleaseForm, address: str = "") -> str:
    """`form` has the errors of removing `address`."""
    page, text = requested_page(), request.args.get("q", "").replace("\0", "").strip()[:254]
    with reading() as session:
        found = suppression.listed(session, containing=text, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE + 1)
        released = suppression.released(session, limit=RELEASED) if page == 1 and not text else []
    record_list("suppressed addresses", min(len(found), PAGE_SIZE))
    return render_template(
        "notifications/suppressed.html",
        addresses=found[:PAGE_SIZE],
        more=len(found) > PAGE_SIZE,
        page=page,
        text=text,
        released=released,
        form=form,
        refused=address,
        channels=CHANNELS,
        reasons=REASONS,
    )
