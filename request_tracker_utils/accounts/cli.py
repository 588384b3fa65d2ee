"""Commands for accounts."""

import sys

import click

from request_tracker_utils.accounts import service
from request_tracker_utils.accounts.models import Role
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.web.house import settings


@click.command("setup-link")
def setup_link() -> None:
    """Print a new one-time link that makes the first administrator."""
    with transaction() as session:
        key = service.new_setup_key(session, now=utc_now())
    click.echo(setup_address(key))


def setup_address(key: str) -> str:
    return f"{settings().public_address()}/set-up/{key}"


@click.group()
def users() -> None:
    """Accounts."""


@users.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.option("--email")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
def create_user(name: str, role: str, email: str | None, password_stdin: bool) -> None:
    """Make an account."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    with transaction() as session:
        service.create_user(session, name=name, role=role, email=email, password=password, now=utc_now())
    click.echo(f"{name} can sign in, as {role}.")


@users.command("list")
def list_users() -> None:
    """List accounts: name, role, state, e-mail."""
    with reading() as session:
        for user in service.users(session):
            click.echo("\t".join([user.name, user.role, "active" if user.active else "deactivated", user.email or ""]).rstrip())


@click.group()
def tokens() -> None:
    """Personal tokens, for scripts."""


@tokens.command("create")
@click.argument("name")
@click.option("--label", default="command line", show_default=True)
def create_token(name: str, label: str) -> None:
    """Print a new token of the user NAME, and nothing else."""
    with transaction() as session:
        text = service.create_token(session, service.user_named(session, name), label=label, now=utc_now())
    click.echo(text)


@tokens.command("revoke")
@click.argument("name", required=False)
@click.option("--label", help="Revoke the tokens of NAME with this label.")
@click.option("--token-stdin", is_flag=True, help="Revoke the token that is read from standard input.")
def revoke_token(name: str | None, label: str | None, token_stdin: bool) -> None:
    """Revoke tokens, by NAME and --label, or one by its text."""
    if token_stdin == bool(name and label):
        raise click.UsageError("Give NAME and --label, or --token-stdin.")
    with transaction() as session:
        if token_stdin:
            service.revoke_token(session, text=sys.stdin.readline(), now=utc_now())
            count = 1
        else:
            count = service.revoke_tokens_labelled(session, service.user_named(session, str(name)), label=str(label), now=utc_now())
    click.echo(f"{count} revoked.")
