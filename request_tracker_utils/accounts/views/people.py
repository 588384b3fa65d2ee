"""Administration of accounts, and the list of sign-ins."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypedDict

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from request_tracker_utils.accounts import access_events as events_of_access, links, login_events, service, sessions, student_links, tokens
from request_tracker_utils.accounts.current import StoredAccessLog, authentication, messages
from request_tracker_utils.accounts.event_records import PAGE
from request_tracker_utils.accounts.forms import NewPersonForm, PersonForm, RtUserForm, SchoolForm, StudentLinkForm
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind, Role, User
from request_tracker_utils.accounts.permissions import AccountPermission
from request_tracker_utils.accounts.rt_tokens import RtTokens, rt_user_named
from request_tracker_utils.accounts.student_links import KnownStudent, StudentLookup
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.access_log import AccessKind, account, record_list, record_lookup
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import requested_page, row_id
from request_tracker_utils.web.registry import registry, settings

FLUSH_SECONDS = 1.0

MATCHES = 10
"""Students that a search for an account's student shows."""

pages = Blueprint("people", __name__, url_prefix="/admin")


class By(TypedDict):
    """Who changes an account, when, and from where."""

    actor: Actor
    now: datetime
    origin: Origin


@pages.get("/people")
@require(AccountPermission.READ)
def people() -> str:
    """All accounts, with a search."""
    text, role = request.args.get("q", "").strip()[:100], request.args.get("role", "")
    active = {"active": True, "deactivated": False}.get(request.args.get("state", ""))
    page = requested_page()
    with reading() as session:
        found = service.search(session, text, role=role, active=active, page=page)
        record_list("accounts", len(found.users))
        return render_template(
            "accounts/people.html", found=found, text=text, role=role, state=request.args.get("state", ""), roles=list(Role)
        )


@pages.route("/people/new", methods=["GET", "POST"])
@require(AccountPermission.MANAGE, by_token=False)
def add() -> ResponseReturnValue:
    """Adds an account. Its owner chooses the password with a link."""
    form = NewPersonForm()
    if form.validate_on_submit():
        given = {name: (form[name].data or "").strip() for name in ("name", "email", "phone")}
        try:
            with transaction() as session:
                user = service.create_user(session, **given, role=form.role.data, **_by())
                key = links.new_password_key(session, user, now=utc_now())
            return _person_page(user.id, link=key)
        except AppError as error:
            add_error(form, error)
    return render_template("accounts/new-person.html", form=form), 400 if form.errors else 200


@pages.get("/people/<int:user_id>")
@require(AccountPermission.READ)
def person(user_id: int) -> str:
    """One account: role, sessions, tokens, recent activity."""
    return _person_page(user_id)


@pages.post("/people/<int:user_id>")
@require(AccountPermission.MANAGE, by_token=False)
def change(user_id: int) -> ResponseReturnValue:
    """Changes role and email address."""
    form = PersonForm()
    if form.validate_on_submit():
        changes = {"role": form.role.data, "email": (form.email.data or "").strip(), "phone": (form.phone.data or "").strip()}
        try:
            with transaction() as session:
                service.change_user(session, service.user_by_id(session, user_id), changes, **_by())
            flash(_("The account was saved."), "success")
            return redirect(url_for(".person", user_id=user_id), 303)
        except AppError as error:
            add_error(form, error)
    return _person_page(user_id, form=form), 400


@pages.post("/people/<int:user_id>/state")
@require(AccountPermission.MANAGE, by_token=False)
def change_state(user_id: int) -> ResponseReturnValue:
    """Deactivates the account or activates it again."""
    act = {"yes": service.activate, "no": service.deactivate}.get(request.form.get("active", ""))
    if act is None:
        raise Invalid(_("Send yes or no for “active”."), field="active")
    with transaction() as session:
        user = service.user_by_id(session, user_id)
        act(session, user, **_by())
    message = _("%(name)s was activated.") if user.active else _("%(name)s was deactivated. Existing sessions and tokens were disabled.")
    flash(message % {"name": user.name}, "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@pages.post("/people/<int:user_id>/password-link")
@require(AccountPermission.MANAGE, by_token=False)
def password_link(user_id: int) -> ResponseReturnValue:
    """Creates a link for choosing a new password; sends it by email, or shows it once."""
    actor, now, by_email = current_actor(), utc_now(), request.form.get("send") == "email"
    with transaction() as session:
        user = service.user_by_id(session, user_id)
        if by_email:
            messages.check_sendable(session, user)
            link, key = links.send_password_key(session, user, keys=messages.keys, now=now)
            messages.send_password_link(session, user, link, actor=actor)
        else:
            key = links.new_password_key(session, user, now=now)
        detail = f"password link {'sent ' if by_email else ''}by {actor.name}"
        login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=detail, now=now)
    if by_email:
        flash(_("A password link is on its way to %(email)s.", email=user.email), "success")
        return redirect(url_for(".person", user_id=user_id), 303)
    return _person_page(user_id, link=key)


@pages.post("/people/<int:user_id>/rt-user")
@require(AccountPermission.MANAGE, by_token=False)
def link_rt_user(user_id: int) -> ResponseReturnValue:
    """Links the account to a Request Tracker user; an empty name removes the link."""
    form, status = RtUserForm(), 400
    if form.validate_on_submit():
        rt_user = (form.rt_user.data or "").strip()
        try:
            found = rt_user_named(registry().find(RtTokens), rt_user) if rt_user else None
            with transaction() as session:
                user = service.user_by_id(session, user_id)
                service.link_rt_user(session, user, found, **_by())
            message = (
                _("%(name)s is linked to %(rt_user)s in Request Tracker.") if found else _("%(name)s is not linked to Request Tracker.")
            )
            flash(message % {"name": user.name, "rt_user": found.name if found else ""}, "success")
            return redirect(url_for(".person", user_id=user_id), 303)
        except AppError as error:
            add_error(form, error)
            status = error.status
    return _person_page(user_id, rt_form=form), status


@pages.post("/people/<int:user_id>/student")
@require(AccountPermission.MANAGE, by_token=False)
def link_student(user_id: int) -> ResponseReturnValue:
    """Links the account to the student with the number; an empty text removes the link. Another text is searched for."""
    form, students = StudentLinkForm(), registry().get(StudentLookup)
    text = (form.student.data or "").strip()
    if not form.validate_on_submit():
        return _person_page(user_id, student_form=form), 400
    try:
        with transaction() as session:
            user = service.user_by_id(session, user_id)
            found = students.by_number(session, text) if text else None
            matches = [] if found or not text else students.search(session, text, limit=MATCHES)
            if not matches:
                found = student_links.student_numbered(session, students, text) if text else None
                student_links.link_student(session, user, found, **_by())
    except AppError as error:
        add_error(form, error)
        return _person_page(user_id, student_form=form), error.status
    if matches:
        record_list("students", len(matches))
        return _person_page(user_id, student_form=form, matches=matches)
    message = _("%(name)s is linked to %(student)s.") if found else _("%(name)s is not linked to a student.")
    flash(message % {"name": user.name, "student": f"{found.name} ({found.number})" if found else ""}, "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@pages.post("/people/<int:user_id>/school")
@require(AccountPermission.MANAGE, by_token=False)
def set_school(user_id: int) -> ResponseReturnValue:
    """Sets the school and the homeroom of a teacher."""
    form = SchoolForm()
    with reading() as session:
        form.offer(registry().get(StudentLookup).schools(session))
    if not form.validate_on_submit():
        return _person_page(user_id, school_form=form), 400
    values = {"school": form.school.data or "", "homeroom": form.homeroom.data or ""}
    try:
        with transaction() as session:
            user = service.user_by_id(session, user_id)
            student_links.set_school(session, registry().get(StudentLookup), user, **values, **_by())
    except AppError as error:
        add_error(form, error)
        return _person_page(user_id, school_form=form), error.status
    flash(_("The account was saved."), "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@pages.post("/people/<int:user_id>/sessions/end")
@require(AccountPermission.MANAGE, by_token=False)
def end_sessions(user_id: int) -> ResponseReturnValue:
    """Signs the person out everywhere."""
    with transaction() as session:
        user = service.user_by_id(session, user_id)
        count = sessions.end_all(session, user_id, now=utc_now(), but=authentication.session_key())
        detail = f"signed out everywhere by {current_actor().name}"
        login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=detail, now=utc_now())
    message = ngettext("%(name)s was signed out of one browser.", "%(name)s was signed out of %(num)s browsers.", count, name=user.name)
    flash(message, "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@pages.post("/people/<int:user_id>/tokens/<int:token_id>/revoke")
@require(AccountPermission.MANAGE, by_token=False)
def revoke_token(user_id: int, token_id: int) -> ResponseReturnValue:
    """Revokes one of the person's tokens."""
    with transaction() as session:
        token = tokens.revoke(session, user_id, token_id, now=utc_now())
        user, detail = service.user_by_id(session, user_id), f"token “{token.label}” revoked by {current_actor().name}"
        login_events.record(session, LoginKind.CHANGED, authentication.origin(), user=user, detail=detail, now=utc_now())
    flash(_("The token “%(label)s” was revoked.", label=token.label), "success")
    return redirect(url_for(".person", user_id=user_id), 303)


@pages.get("/sign-ins")
@require(AccountPermission.EVENTS)
def sign_ins() -> str:
    """Sign-ins and other events, the newest first."""
    selected, before = _filter(), request.args.get("before", type=row_id)
    with reading() as session:
        found = login_events.records.newest(session, selected, before=before, limit=PAGE + 1)
    more = len(found) > PAGE
    record_list("sign-ins", min(len(found), PAGE))
    return render_template(
        "accounts/sign-ins.html", events=found[:PAGE], more=more, selected=selected, before=before, kinds=list(LoginKind)
    )


@pages.get("/sign-ins.csv")
@require(AccountPermission.EVENTS)
def sign_ins_csv() -> Response:
    """All selected events as a CSV file."""
    return csv_response("sign-ins", ("when", "what", "who", "address", "agent", "detail"), _event_rows(_filter()), what="sign-ins")


@pages.get("/personal-data")
@require(AccountPermission.EVENTS)
def access_events() -> str:
    """Who read personal data, the newest first."""
    _store_pending()
    selected, before = _access_filter(), request.args.get("before", type=row_id)
    with reading() as session:
        found = events_of_access.records.newest(session, selected, before=before, limit=PAGE + 1)
    more = len(found) > PAGE
    return render_template(
        "accounts/personal-data.html",
        events=found[:PAGE],
        more=more,
        selected=selected,
        before=before,
        kinds=list(AccessKind),
    )


@pages.get("/personal-data.csv")
@require(AccountPermission.EVENTS)
def access_events_csv() -> Response:
    """All selected events as a CSV file."""
    _store_pending()
    header = ("when", "access", "data", "subject", "records", "complete", "person", "address")
    return csv_response("personal-data", header, _access_rows(_access_filter()), what="access to personal data")


def _by() -> By:
    return {"actor": current_actor(), "now": utc_now(), "origin": authentication.origin()}


def _filter() -> login_events.Filter:
    user_id = request.args.get("user", type=row_id)
    return login_events.Filter(request.args.get("q", "").strip()[:100], request.args.get("kind", ""), user_id)


def _event_rows(selected: login_events.Filter) -> Iterator[tuple[object, ...]]:
    zone = settings().zone
    with reading() as session:
        for e in login_events.records.all_events(session, selected):
            yield e.at.astimezone(zone).isoformat(timespec="seconds"), e.kind, e.name, e.address, e.agent, e.detail


def _access_filter() -> events_of_access.Filter:
    text, kind, subject = (request.args.get(name, "").strip()[:120] for name in ("q", "kind", "subject"))
    return events_of_access.Filter(text[:100], kind, request.args.get("user", type=row_id), subject)


def _access_rows(selected: events_of_access.Filter) -> Iterator[tuple[object, ...]]:
    zone = settings().zone
    with reading() as session:
        for e in events_of_access.records.all_events(session, selected):
            complete = "yes" if e.complete else "no"
            yield e.at.astimezone(zone).isoformat(timespec="seconds"), e.kind, e.what, e.subject, e.records, complete, e.name, e.address


def _store_pending() -> None:
    """So that the list has what this process has just recorded."""
    registry().get(StoredAccessLog).writer.flush(FLUSH_SECONDS)


def _person_page(
    user_id: int,
    *,
    form: FlaskForm | None = None,
    rt_form: FlaskForm | None = None,
    student_form: StudentLinkForm | None = None,
    school_form: SchoolForm | None = None,
    matches: Sequence[KnownStudent] = (),
    link: str | None = None,
) -> str:
    now, students, student_form = utc_now(), registry().get(StudentLookup), student_form or StudentLinkForm(formdata=None)
    student_form.student.flags.required = True  # only marks the field on the page; an empty text removes the link
    with reading() as session:
        user: User = service.user_by_id(session, user_id)
        record_lookup("account", account(user.name))
        schools = students.schools(session) if user.role == Role.TEACHER else []
        return render_template(
            "accounts/person.html",
            user=user,
            form=form or PersonForm(formdata=None, obj=user),
            rt_form=rt_form or RtUserForm(formdata=None, rt_user=user.rt_user_name),
            student=students.by_row(session, user.student_id) if user.student_id else None,
            student_form=student_form,
            matches=matches,
            schools=schools,
            school_form=school_form or SchoolForm(formdata=None, obj=user).offer(schools),
            homerooms=students.homerooms(session, user.school) if user.school else [],
            sessions=authentication.open_sessions(session, user_id, now=now),
            tokens=tokens.valid_tokens(session, user_id, now=now),
            events=login_events.records.newest(session, login_events.Filter(user_id=user_id), limit=20),
            link=messages.password_address(link) if link else None,
            can_send=messages.can_send_to(session, user),
        )
