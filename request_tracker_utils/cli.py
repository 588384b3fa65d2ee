"""`rtutils`: the command line. Features add their commands; the general ones are here."""

import os
import sys

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

from request_tracker_utils import __version__
from request_tracker_utils.administration import runs
from request_tracker_utils.app import FEATURES, create_app
from request_tracker_utils.core import jobs
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.disk import disk_problem
from request_tracker_utils.core.errors import AppError, Conflict
from request_tracker_utils.core.page_settings import Effective, PageSettings
from request_tracker_utils.core.settings import Settings, SettingsError, load_settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.preparation import NotReady, check_schema, is_without_data, prepare, prepare_new, with_stored_keys
from request_tracker_utils.web.registry import registry

INVALID_SETTINGS, NOT_READY, REJECTED = 2, 3, 1


class Program(click.Group):
    """Turns errors into a message and an exit code: 1 rejected, 2 invalid settings or usage, 3 the database is not ready."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AppError as error:
            _stop(REJECTED, error.message)
        except SettingsError as error:
            _stop(INVALID_SETTINGS, "Invalid settings:", *(f"  {problem}" for problem in error.problems))
        except NotReady as error:
            _stop(NOT_READY, str(error))
        except OperationalError as error:
            problem = disk_problem(error)
            _stop(NOT_READY, problem.message if problem else f"The database does not answer: {str(error.orig).strip()}")
        return None


@click.group(cls=Program)
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context) -> None:
    """RequestTracker Utils: asset tags, labels and more for Request Tracker. Settings are environment variables."""
    if ctx.invoked_subcommand in WITHOUT_APP or {"--help", "-h"} & set(sys.argv[1:]):
        return
    app, settings = _app()
    check_schema(app, settings)
    ctx.with_resource(app.app_context())


@main.command()
@click.option("--host", help="Address to listen on; overrides HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; overrides PORT.")
@click.option("--workers", type=click.IntRange(1, 64), help="Number of server processes; overrides WORKERS.")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Migrate the database and start the server."""
    from request_tracker_utils import server

    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[name] = str(value)  # the worker processes read the environment
    server.serve(load_settings())


@main.group()
def db() -> None:
    """Manage the database."""


@db.command("upgrade")
def upgrade_database() -> None:
    """Migrate the database to the latest revision."""
    app, settings = _app()
    prepare(app, settings)
    click.echo("The database is up to date.")


@main.command("settings")
def show_settings() -> None:
    """Print the effective settings with their sources; secrets are masked."""
    given = load_settings()
    effective = _effective_settings(given)
    for name, value in effective.settings.masked().items():
        click.echo(f"{name}={value}  # {effective.sources[name.lower()]}")
    for name, problem in effective.problems.items():
        click.echo(f"{name.upper()}: {problem}", err=True)


@main.group("jobs")
def job_commands() -> None:
    """Manage scheduled jobs."""


@job_commands.command("list")
def list_jobs() -> None:
    """List jobs: name, interval or time, next run, description."""
    settings = registry().page_settings.current()
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), settings)
    for row in rows:
        schedule = f"daily at {row.at:%H:%M}" if row.at else f"every {row.every}"
        following = f"next {row.next_at.astimezone(settings.zone):%Y-%m-%d %H:%M}" if row.next_at else "-"
        click.echo(f"{row.name}\t{schedule}\t{following}\t{row.summary}")


@job_commands.command("run")
@click.argument("name")
def run_job(name: str) -> None:
    """Run the job NAME now."""
    rows = jobs.run(registry().jobs.named(name))
    click.echo(f"Processed {rows} rows.")


@main.command()
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Fill an empty database with sample data. A new database is created first."""
    app, settings = _app()
    prepare_new(app, settings)
    ctx.with_resource(app.app_context())
    if not is_without_data():
        raise Conflict(_("Sample data is only added to an empty database without Request Tracker. This database was not changed."))
    for demo_data in registry().demos:
        click.echo(f"Added {demo_data.fill()} {demo_data.title}.")


WITHOUT_APP = {"serve", "db", "settings", "demo"}
for feature in FEATURES:
    for command in feature.commands:
        main.add_command(command)


def _app() -> tuple[Flask, Settings]:
    settings = with_stored_keys(load_settings())
    return create_app(settings), settings


def _effective_settings(given: Settings) -> Effective:
    """Those of the environment alone if there is no database that could have others, or if it cannot be read."""
    has_key = given.secret_key is not None or (given.instance_path / "secret_key").exists()
    if has_key and (given.database_file is None or given.database_file.exists()):
        try:
            settings = with_stored_keys(given)
            app = create_app(settings)
            check_schema(app, settings)
            with app.app_context():
                return registry().page_settings.effective()
        except (SettingsError, NotReady, OperationalError) as error:
            reason = error.orig if isinstance(error, OperationalError) else error
            click.echo(f"Settings that were entered on a page are not included, because the database cannot be read: {reason}", err=True)
    return PageSettings(given, [], reading).effective_without_database()


def _stop(code: int, *lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
