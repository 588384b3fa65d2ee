"""*Your notifications*: channels, optional messages, quiet hours, chat addresses, and the phone number with its code."""

from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from request_tracker_utils.accounts import login_events, service as accounts
from request_tracker_utils.accounts.contact import checked_phone
from request_tracker_utils.accounts.current import authentication
from request_tracker_utils.accounts.models import LoginKind, User
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Forbidden, Invalid
from request_tracker_utils.core.messages import Channel, Messenger
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.notifications import phone_confirmation, preferences
from request_tracker_utils.notifications.current import PHONE_CODE, chat_encryption, message_kinds, phone_code_key
from request_tracker_utils.notifications.forms import ChatForm, CodeForm, PhoneForm, PreferencesForm
from request_tracker_utils.notifications.permissions import NotificationPermission
from request_tracker_utils.notifications.phone_confirmation import CodeResult
from request_tracker_utils.notifications.providers.chat_addresses import check_personal_addresses
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.registry import registry

pages = Blueprint("my_notifications", __name__, url_prefix="/me/notifications")


@pages.get("")
@require(NotificationPermission.OWN)
def show() -> str:
    """The caller's channels, quiet hours, addresses and phone number."""
    return _page()


@pages.post("")
@require(NotificationPermission.OWN, by_token=False)
def save() -> ResponseReturnValue:
    """Saves channels, optional messages and quiet hours."""
    form = _offer(PreferencesForm())
    if form.validate_on_submit():
        try:
            with transaction() as session:
                _choose(session, form)
            flash(_("Your notification settings were saved."), "success")
            return redirect(url_for(".show"), 303)
        except Invalid as error:
            add_error(form, error)
    return _page(form=form), 400


@pages.post("/chat")
@require(NotificationPermission.CONTACT, by_token=False)
def save_chat() -> ResponseReturnValue:
    """Replaces the chat addresses."""
    form = ChatForm()
    if form.validate_on_submit():
        try:
            count = _store_chat(form.addresses.data)
            flash(ngettext("One chat address was saved.", "%(num)s chat addresses were saved.", count), "success")
            return redirect(url_for(".show", _anchor="your-chat"), 303)
        except Invalid as error:
            add_error(form, error)
    return _page(chat_form=form), 400


@pages.post("/chat/remove")
@require(NotificationPermission.CONTACT, by_token=False)
def remove_chat() -> ResponseReturnValue:
    """Removes the chat addresses."""
    _store_chat("")
    flash(_("Your chat addresses were removed."), "success")
    return redirect(url_for(".show", _anchor="your-chat"), 303)


@pages.post("/phone")
@require(NotificationPermission.CONTACT, by_token=False)
def request_code() -> ResponseReturnValue:
    """Sends a code to the phone number."""
    form, status = PhoneForm(), 400
    if form.validate_on_submit():
        try:
            number = checked_phone(form.phone.data) or ""
            with transaction() as session:
                phone_confirmation.request_code(
                    session,
                    registry().get(Messenger),
                    PHONE_CODE,
                    _me(session),
                    number,
                    network=replace(authentication.origin(), browser="").network,
                    actor=current_actor(),
                    now=utc_now(),
                )
            flash(_("A code was sent to %(number)s. Enter it within 10 minutes.", number=number), "success")
            return redirect(url_for(".show", _anchor="your-phone"), 303)
        except AppError as error:
            add_error(form, error)
            status = error.status
    return _page(phone_form=form), status


@pages.post("/phone/confirm")
@require(NotificationPermission.CONTACT, by_token=False)
def confirm_phone() -> ResponseReturnValue:
    """Confirms the phone number with the code that was sent to it."""
    form = CodeForm()
    if form.validate_on_submit():
        now = utc_now()
        try:
            with transaction() as session:
                user = _me(session)
                checked = phone_confirmation.enter_code(session, user, form.code.data, key=phone_code_key(), now=now)
                if checked.result == CodeResult.CONFIRMED:
                    _record(session, user, f"phone number ending in {checked.number[-4:]} confirmed")
                    for other in checked.shared_with:
                        _record(session, other, f"its phone number was also confirmed by {user.name}")
                    phone_confirmation.tell_others(session, registry().get(Messenger), user, checked, actor=current_actor(), now=now)
        except Invalid as error:
            add_error(form, error)
            return _page(code_form=form), 400
        if checked.result == CodeResult.CONFIRMED:
            flash(_("%(number)s is confirmed. Text messages to you are sent there.", number=checked.number), "success")
            if checked.shared_with:
                shared = _("This number is also confirmed for another account, which was informed. Its messages arrive on your phone too.")
                flash(shared, "warning")
            return redirect(url_for(".show", _anchor="your-phone"), 303)
        form.code.errors = [_what_is_wrong(checked)]
    return _page(code_form=form), 400


@pages.post("/phone/remove")
@require(NotificationPermission.CONTACT, by_token=False)
def remove_phone() -> ResponseReturnValue:
    """Removes the phone number."""
    with transaction() as session:
        user = _me(session)
        if user.phone:
            _record(session, user, f"phone number ending in {user.phone[-4:]} removed")
        phone_confirmation.remove_phone(session, user, now=utc_now())
    flash(_("Your phone number was removed. You will no longer receive text messages."), "success")
    return redirect(url_for(".show", _anchor="your-phone"), 303)


def _what_is_wrong(checked: phone_confirmation.Checked) -> str:
    if checked.result == CodeResult.WRONG:
        left = checked.attempts_left
        return ngettext("This is not the code. You have one attempt left.", "This is not the code. You have %(num)s attempts left.", left)
    if checked.result == CodeResult.EXHAUSTED:
        return _("You entered a wrong code five times. Request a new code.")
    return _("There is no code to enter: it has expired, or a newer one was sent. Request a new code.")


def _page(
    *,
    form: FlaskForm | None = None,
    chat_form: FlaskForm | None = None,
    phone_form: FlaskForm | None = None,
    code_form: FlaskForm | None = None,
) -> str:
    with reading() as session:
        user = _me(session)
        mine = preferences.preference(session, user.id)
        open_code = phone_confirmation.open_code(session, user.id, now=utc_now())
        chosen = {name: getattr(mine, name) for name in ("email", "sms", "chat", "quiet_from", "quiet_until")}
        wanted = [name for name, kind in message_kinds().items() if kind.optional and name not in mine.muted]
        return render_template(
            "notifications/mine.html",
            user=user,
            form=form or _offer(PreferencesForm(formdata=None, data={**chosen, "wanted": wanted})),
            chat_form=chat_form or ChatForm(formdata=None),
            phone_form=phone_form or PhoneForm(formdata=None, data={"phone": "" if user.phone_confirmed_at else user.phone or ""}),
            code_form=code_form or CodeForm(formdata=None),
            open_code=open_code,
            has_chat=bool(mine.chat_urls),
            may_contact=current_actor().may(NotificationPermission.CONTACT),
        )


def _offer(form: PreferencesForm) -> PreferencesForm:
    """With the kinds of messages that people may turn off."""
    form.wanted.choices = [SelectChoice(name, _(kind.title)) for name, kind in message_kinds().items() if kind.optional]
    return form


def _choose(session: Session, form: PreferencesForm) -> None:
    """Raises Invalid."""
    quiet = {"quiet_from": form.quiet_from.data, "quiet_until": form.quiet_until.data}
    missing = [name for name, at in quiet.items() if at is None]
    if len(missing) == 1:
        raise Invalid(_("Enter both times, or neither."), field=missing[0])
    if not missing and form.quiet_from.data == form.quiet_until.data:
        raise Invalid(_("Enter a time other than “Quiet from”."), field="quiet_until")
    offered = {choice.value for choice in form.wanted.choices}
    before = preferences.preference(session, _my_id())
    chosen = {"email": form.email.data, "sms": before.sms, "chat": before.chat}
    if current_actor().may(NotificationPermission.CONTACT):
        chosen |= {"sms": form.sms.data, "chat": form.chat.data}
    preferences.choose(
        session,
        _my_id(),
        channels=[channel for channel in Channel if chosen[channel]],
        muted={*(set(before.muted) - offered), *(offered - set(form.wanted.data or ()))},
        **quiet,
    )


def _store_chat(typed: str) -> int:
    """Returns how many addresses were stored. Raises Invalid; its message does not contain them."""
    try:
        addresses = check_personal_addresses(typed, allow_private=registry().page_settings.current().notify_private_addresses)
    except Invalid as error:
        raise Invalid(error.message, field="addresses") from None
    with transaction() as session:
        user = _me(session)
        preferences.set_chat_urls(session, user.id, "\n".join(addresses), chat_encryption())
        _record(session, user, "chat addresses changed" if addresses else "chat addresses removed")
    return len(addresses)


def _record(session: Session, user: User, detail: str) -> None:
    login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=detail, now=utc_now())


def _me(session: Session) -> User:
    return accounts.user_by_id(session, _my_id())


def _my_id() -> int:
    """Raises Forbidden for callers who are known through Request Tracker only."""
    user_id = current_actor().user_id
    if user_id is None:
        raise Forbidden(_("You have an account in Request Tracker only. Ask your administrator for an account in this program."))
    return user_id
