"""The messages that were sent: the list, one of them, *Send again*, and the CSV file. People see those sent to them."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Conflict, Forbidden, Invalid
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.notifications import history, resending
from request_tracker_utils.notifications.current import message_kinds
from request_tracker_utils.notifications.forms import CHANNELS
from request_tracker_utils.notifications.history import Filter
from request_tracker_utils.notifications.models import DeliveryOutcome, NotificationStatus
from request_tracker_utils.notifications.permissions import NotificationPermission
from request_tracker_utils.notifications.resending import CAN_BE_SENT_AGAIN
from request_tracker_utils.web.access_log import account, record_list, record_lookup
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import requested_cursor, requested_page, row_id
from request_tracker_utils.web.registry import registry, settings

FILTERS = ("status", "channel", "to", "event", "from", "until")
YEARS = range(2000, 2101)
MAX_SELECTED = 200
"""More messages than a page shows cannot be sent again together."""
HEADER = (
    *("id", "created", "event", "about", "channel", "recipient", "address", "status"),
    *("error", "provider", "provider id", "attempts", "sent", "sender"),
)
STATUSES = {
    NotificationStatus.QUEUED: (gettext_noop("Queued"), ""),
    NotificationStatus.SENDING: (gettext_noop("Sending"), ""),
    NotificationStatus.SENT: (gettext_noop("Sent"), "good"),
    NotificationStatus.DELIVERED: (gettext_noop("Delivered"), "good"),
    NotificationStatus.FAILED: (gettext_noop("Failed"), "bad"),
    NotificationStatus.UNCERTAIN: (gettext_noop("Uncertain"), "warn"),
    NotificationStatus.CANCELED: (gettext_noop("Canceled"), ""),
}
"""The word on pages, and the color."""
OUTCOMES = {
    DeliveryOutcome.SENT: (gettext_noop("Sent"), "good"),
    DeliveryOutcome.DELIVERED: (gettext_noop("Delivered"), "good"),
    DeliveryOutcome.FAILED: (gettext_noop("Not delivered"), "bad"),
    DeliveryOutcome.BOUNCED: (gettext_noop("Bounced"), "bad"),
    DeliveryOutcome.COMPLAINED: (gettext_noop("Marked as spam"), "bad"),
    DeliveryOutcome.UNSUBSCRIBED: (gettext_noop("Unsubscribed"), "warn"),
    DeliveryOutcome.STOPPED: (gettext_noop("Answered STOP"), "warn"),
}

pages = Blueprint("notifications", __name__, url_prefix="/notifications")


@pages.get("")
@require(NotificationPermission.OWN)
def messages() -> str:
    """Messages, newest first: all for administrators, otherwise those to the caller."""
    only_to, page = _only_to(), requested_page()
    selected, problem = _filter()
    with reading() as session:
        offset = (page - 1) * history.PAGE_SIZE
        found = history.page(session, selected, only_to=only_to, after=requested_cursor(), offset=offset)
        names = history.names(session, found.rows)
    if only_to is None:
        record_list("messages", len(found.rows))
    return render_template(
        "notifications/messages.html",
        messages=found.rows,
        names=names,
        next_cursor=found.next_cursor,
        page=page,
        selected=selected,
        query=_query(),
        problem=problem,
        sees_all=only_to is None,
        may_send=current_actor().may(NotificationPermission.SEND),
        can_be_sent_again=CAN_BE_SENT_AGAIN,
        channels=CHANNELS,
        statuses=STATUSES,
        events=_titles(),
    )


@pages.get("/messages.csv")
@require(NotificationPermission.OWN)
def messages_csv() -> Response:
    """The selected messages as a CSV file."""
    selected, problem = _filter()
    if problem:
        raise Invalid(problem)
    return csv_response("notifications", HEADER, _rows(selected, _only_to()), what="messages", batch=100)


@pages.get("/<int:message_id>")
@require(NotificationPermission.OWN)
def message(message_id: int) -> str:
    """One message: where it went, what the provider answered, and what became known afterwards."""
    with reading() as session:
        found = history.message(session, message_id, only_to=_only_to())
        names = history.names(session, [found])
        again, reports = resending.sent_again(session, found), history.reports(session, found)
    name = names.get(found.recipient_user_id or 0, "")
    if found.recipient_user_id is None or found.recipient_user_id != current_actor().user_id:
        record_lookup("message", account(name)) if name else record_list("messages", 1)
    return render_template(
        "notifications/message.html",
        message=found,
        name=name,
        again=again,
        reports=reports,
        outcomes=OUTCOMES,
        can_be_sent_again=found.status in CAN_BE_SENT_AGAIN,
        may_send=current_actor().may(NotificationPermission.SEND),
        sees_all=current_actor().may(NotificationPermission.READ),
        channels=CHANNELS,
        statuses=STATUSES,
        events=_titles(),
    )


@pages.post("/<int:message_id>/send-again")
@require(NotificationPermission.SEND, by_token=False)
def send_again(message_id: int) -> ResponseReturnValue:
    """Sends one message again, as a new message."""
    with transaction() as session:
        repeat = resending.send_again(session, _messenger(), message_kinds(), message_id, actor=current_actor(), now=utc_now())
    if repeat.status == NotificationStatus.FAILED:
        flash(_("The message could not be sent again: %(problem)s", problem=repeat.error_message or ""), "danger")
    else:
        flash(_("The message is sent again, as message %(id)s.", id=repeat.id), "success")
    return redirect(url_for(".message", message_id=repeat.id), 303)


@pages.post("/send-again")
@require(NotificationPermission.SEND, by_token=False)
def send_several_again() -> ResponseReturnValue:
    """Sends the selected messages again; says which could not be."""
    ids = list(dict.fromkeys(_ids()))
    sent, refused = 0, list[str]()
    with transaction() as session:
        for message_id in ids:
            try:
                repeat = resending.send_again(session, _messenger(), message_kinds(), message_id, actor=current_actor(), now=utc_now())
            except Conflict as error:
                refused.append(error.message)
            else:
                sent += repeat.status != NotificationStatus.FAILED
                if repeat.status == NotificationStatus.FAILED:
                    refused.append(_("Message %(id)s could not be sent: %(problem)s", id=message_id, problem=repeat.error_message or ""))
    if sent:
        flash(ngettext("One message is sent again.", "%(num)s messages are sent again.", sent), "success")
    for text in dict.fromkeys(refused):
        flash(text, "danger")
    return redirect(url_for(".messages", _external=False, **_query(request.form)), 303)


def _only_to() -> int | None:
    """The account whose messages the caller may see; None for all. Raises Forbidden for callers without an account."""
    actor = current_actor()
    if actor.may(NotificationPermission.READ):
        return None
    if actor.user_id is None:
        raise Forbidden(_("You have an account in Request Tracker only. Ask your administrator for an account in this program."))
    return actor.user_id


def _messenger() -> Messenger:
    return registry().get(Messenger)


def _titles() -> dict[str, str]:
    """The title of each kind of message by its name, sorted."""
    return {name: kind.title for name, kind in sorted(message_kinds().items(), key=lambda item: _(item[1].title))}


def _query(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The filter, as it is in addresses."""
    given = request.args if given is None else given
    texts = {name: given.get(name, "").replace("\0", "").strip()[:254] for name in FILTERS}
    return {name: text for name, text in texts.items() if text}


def _filter() -> tuple[Filter, str]:
    """The filter of the address, and what is wrong with it."""
    query = _query()
    given = {name: query.get(name, "") for name in FILTERS}
    since, until = _day(given["from"]), _day(given["until"])
    is_wrong = any(given[name] and not day for name, day in (("from", since), ("until", until)))
    problem = _("Enter days such as 2026-09-01.") if is_wrong else ""
    found = Filter(given["status"], given["channel"], given["to"], given["event"], since, until, settings().zone)
    return found, problem


def _day(text: str) -> date | None:
    """None for text that is not a day."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 — a day without a time
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _ids() -> list[int]:
    """The selected messages. Raises Invalid."""
    try:
        ids = [row_id(text) for text in request.form.getlist("message_ids")]
    except ValueError:
        raise Invalid(_("Select messages on the page, then send them again.")) from None
    if not ids:
        raise Invalid(_("Select at least one message."))
    if len(ids) > MAX_SELECTED:
        raise Invalid(_("Select at most %(count)s messages.", count=MAX_SELECTED))
    return ids


def _rows(selected: Filter, only_to: int | None) -> Iterator[tuple[object, ...]]:
    zone = settings().zone

    def local(at: datetime | None) -> str:
        return at.astimezone(zone).isoformat(timespec="seconds") if at else ""

    with reading() as session:
        for each, name in history.named_messages(session, selected, only_to=only_to):
            yield (
                *(each.id, local(each.created_at), each.event, each.about, each.notification_type, name, each.address, each.status),
                *(each.error_message, each.provider, each.provider_id, each.attempts, local(each.sent_at), each.sender),
            )
