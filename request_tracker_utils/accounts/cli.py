"""Commands for accounts and tokens."""

import sys
from datetime import timedelta

import click
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import links, login_events, registration, service, student_links, tokens as personal_tokens
from request_tracker_utils.accounts.current import messages
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind, Role, User
from request_tracker_utils.accounts.rt_tokens import RtTokens, rt_user_named
from request_tracker_utils.accounts.student_links import StudentLookup
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.web.registry import registry, settings


@click.command("setup-link")
def setup_link() -> None:
    """Print a new one-time link for creating the first administrator."""
    with transaction() as session:
        key = links.new_setup_key(session, now=utc_now())
    click.echo(setup_address(key))


def setup_address(key: str) -> str:
    return f"{settings().public_address()}/set-up/{key}"


@click.group()
def users() -> None:
    """Manage accounts."""


@users.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.option("--email")
@click.option("--phone", help="With + and the country code.")
@click.option("--student-id", help="Number of the account’s student. Only for the role student.")
@click.option("--school", help="The teacher's school; for the role teacher.")
@click.option("--homeroom", help="The teacher's homeroom at the school.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input. Without it, a password link is printed.")
def create_user(
    name: str,
    role: str,
    email: str | None,
    phone: str | None,
    student_id: str | None,
    school: str | None,
    homeroom: str | None,
    password_stdin: bool,
) -> None:
    """Create an account."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with transaction() as session:
        user = service.create_user(
            session, name=name, role=role, email=email, phone=phone, password=password, actor=of_command(), now=utc_now()
        )
        _set_students(session, user, student_id, school, homeroom)
        key = None if password_stdin else links.new_password_key(session, user, now=utc_now())
    click.echo(f"Created {name} with the role {role}." if key is None else messages.password_address(key))


@users.command("change")
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]))
@click.option("--email")
@click.option("--phone", help="With + and the country code. An empty value removes it.")
@click.option("--student-id", help="Number of the account’s student. An empty value removes the link.")
@click.option("--school", help="The teacher's school. An empty value removes it, with the homeroom.")
@click.option("--homeroom", help="The teacher's homeroom at the school. An empty value removes it.")
def change_user(
    name: str,
    role: str | None,
    email: str | None,
    phone: str | None,
    student_id: str | None,
    school: str | None,
    homeroom: str | None,
) -> None:
    """Change an account's role, email address, phone number, student, school or homeroom."""
    changes = {key: value for key, value in (("role", role), ("email", email), ("phone", phone)) if value is not None}
    if not changes and student_id is None and school is None and homeroom is None:
        raise click.UsageError("Pass --role, --email, --phone, --student-id, --school or --homeroom.")
    with transaction() as session:
        user = service.user_named(session, name)
        service.change_user(session, user, changes, actor=of_command(), now=utc_now())
        _set_students(session, user, student_id, school, homeroom)
    click.echo(f"Changed {name}.")


def _set_students(session: Session, user: User, student_id: str | None, school: str | None, homeroom: str | None) -> None:
    """Links the account to a student, and sets its school and homeroom, where they are given."""
    students, by = registry().get(StudentLookup), {"actor": of_command(), "now": utc_now()}
    if student_id is not None:
        found = student_links.student_numbered(session, students, student_id) if student_id.strip() else None
        student_links.link_student(session, user, found, **by)  # type: ignore[arg-type]
    if school is not None or homeroom is not None:
        at = user.school if school is None else school
        room = (user.homeroom if at == user.school else "") if homeroom is None else homeroom
        student_links.set_school(session, students, user, school=at, homeroom=room, **by)  # type: ignore[arg-type]


@users.command("deactivate")
@click.argument("name")
def deactivate_user(name: str) -> None:
    """Deactivate an account. Its sessions, tokens and links stop working immediately."""
    with transaction() as session:
        service.deactivate(session, service.user_named(session, name), actor=of_command(), now=utc_now())
    click.echo(f"Deactivated {name}.")


@users.command("activate")
@click.argument("name")
def activate_user(name: str) -> None:
    """Activate a deactivated account."""
    with transaction() as session:
        service.activate(session, service.user_named(session, name), actor=of_command(), now=utc_now())
    click.echo(f"Activated {name}.")


@users.command("password-link")
@click.argument("name")
@click.option("--send", is_flag=True, help="Send the link to the account’s email address instead of printing it.")
def password_link(name: str, send: bool) -> None:
    """Print or send a one-time link for NAME to choose a new password."""
    with transaction() as session:
        user = service.user_named(session, name)
        if send:
            messages.check_sendable(session, user)
            link, key = links.send_password_key(session, user, keys=messages.keys, now=utc_now())
            messages.send_password_link(session, user, link, actor=of_command())
        else:
            key = links.new_password_key(session, user, now=utc_now())
        _record_change(session, user, "password link")
    click.echo(f"A password link is on its way to {user.email}." if send else messages.password_address(key))


@users.command("invite")
@click.option("--role", type=click.Choice(links.INVITED_ROLES), required=True, help="Role of the new account.")
@click.option("--email", help="Address of the person; the account gets it.")
@click.option("--send", is_flag=True, help="Send the invitation to --email instead of printing its link.")
def invite(role: str, email: str | None, send: bool) -> None:
    """Print or send a one-time link that lets a person create an account."""
    registration.check_open(settings().registration, invited=True)
    with transaction() as session:
        link, key = links.invite(session, role=role, email=email, created_by=of_command().name, keys=messages.keys, now=utc_now())
        if send:
            messages.send_invitation(session, link, actor=of_command())
        detail = f"invitation with the role {role} by {of_command().name}"
        login_events.record(session, LoginKind.CHANGED, Origin(), name=of_command().name, detail=detail, now=utc_now())
    click.echo(f"An invitation is on its way to {link.email}." if send else messages.invitation_address(key))


def _record_change(session: Session, user: User, change: str) -> None:
    """Records a change made on the command line."""
    login_events.record(session, LoginKind.CHANGED, Origin(), user=user, detail=f"{change} by {of_command().name}", now=utc_now())


@users.command("link")
@click.argument("name")
@click.option("--rt-user", required=True, help="Name or ID in Request Tracker. An empty value removes the link.")
def link_user(name: str, rt_user: str) -> None:
    """Link NAME to a Request Tracker user. That user's tokens then authenticate NAME."""
    found = rt_user_named(registry().find(RtTokens), rt_user) if rt_user else None
    with transaction() as session:
        user = service.user_named(session, name)
        service.link_rt_user(session, user, found, actor=of_command(), now=utc_now())
    click.echo(f"Linked {name} to {found.name} in Request Tracker." if found else f"Unlinked {name} from Request Tracker.")


@users.command("list")
@click.option("--search", default="", help="Part of the name or email address.")
def list_users(search: str) -> None:
    """List accounts: name, role, state, email address."""
    with reading() as session:
        for user in service.all_users(session, search):
            click.echo("\t".join([user.name, user.role, "active" if user.active else "deactivated", user.email or ""]).rstrip())


@click.group()
def tokens() -> None:
    """Manage personal tokens for scripts."""


@tokens.command("create")
@click.argument("name")
@click.option("--label", default="command line", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires. Without it, the token never expires.")
def create_token(name: str, label: str, days: int | None) -> None:
    """Create a token for the user NAME and print it."""
    expires_at = utc_now() + timedelta(days=days) if days else None
    with transaction() as session:
        user = service.user_named(session, name)
        text = personal_tokens.create(session, user, label=label, expires_at=expires_at, now=utc_now())
        _record_change(session, user, f"token “{label}” created")
    click.echo(text)


@tokens.command("revoke")
@click.argument("name", required=False)
@click.option("--label", help="Revoke the tokens of NAME with this label.")
@click.option("--token-stdin", is_flag=True, help="Read the token to revoke from standard input.")
def revoke_token(name: str | None, label: str | None, token_stdin: bool) -> None:
    """Revoke tokens by NAME and --label, or one token read from standard input."""
    if token_stdin == bool(name and label):
        raise click.UsageError("Pass NAME and --label, or --token-stdin.")
    with transaction() as session:
        if token_stdin:
            revoked = [personal_tokens.revoke_text(session, text=sys.stdin.readline(), now=utc_now())]
        else:
            revoked = personal_tokens.revoke_labelled(session, service.user_named(session, str(name)), label=str(label), now=utc_now())
        for token in revoked:
            _record_change(session, token.user, f"token “{token.label}” revoked")
    click.echo(f"Revoked {len(revoked)} tokens.")
