"""`rtutils`: every command of the program. Domains bring theirs; here are those of the whole."""

import os
import sys

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

from request_tracker_utils import __version__
from request_tracker_utils.app import FEATURES, create_app
from request_tracker_utils.core import jobs
from request_tracker_utils.core.errors import AppError, Conflict
from request_tracker_utils.core.settings import Settings, SettingsError, load_settings
from request_tracker_utils.preparation import NotReady, check_schema, prepare, with_secret_key
from request_tracker_utils.web.registry import registry

WRONG_SETTINGS, NOT_READY, REFUSED = 2, 3, 1


class Program(click.Group):
    """Turns errors into a message and an exit code: 1 refused, 2 wrong settings or usage, 3 the database is not ready."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except AppError as error:
            _stop(REFUSED, error.message)
        except SettingsError as error:
            _stop(WRONG_SETTINGS, "These settings are wrong:", *(f"  {problem}" for problem in error.problems))
        except NotReady as error:
            _stop(NOT_READY, str(error))
        except OperationalError as error:
            _stop(NOT_READY, f"The database does not answer: {str(error.orig).strip()}")
        return None


@click.group(cls=Program)
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context) -> None:
    """RequestTracker Utils: asset tags, labels and more beside Request Tracker. Settings are environment variables."""
    if ctx.invoked_subcommand in OUTSIDE_THE_APP or {"--help", "-h"} & set(sys.argv[1:]):
        return
    app, settings = _app()
    check_schema(app, settings)
    ctx.with_resource(app.app_context())


@main.command()
@click.option("--host", help="Address to serve on, in place of HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on, in place of PORT.")
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes, in place of WORKERS.")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Migrate the database and serve."""
    from request_tracker_utils import server

    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[name] = str(value)  # the worker processes read it there
    server.serve(load_settings())


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
def upgrade_database() -> None:
    """Bring the database up to date."""
    app, settings = _app()
    prepare(app, settings)
    click.echo("The database is up to date.")


@main.command("settings")
def show_settings() -> None:
    """Print the effective settings; secrets are masked."""
    for name, value in load_settings().masked().items():
        click.echo(f"{name}={value}")


@main.group("jobs")
def job_commands() -> None:
    """Scheduled work."""


@job_commands.command("list")
def list_jobs() -> None:
    """List the jobs: name, how often, what for."""
    for job in registry().jobs:
        click.echo(f"{job.name}\tevery {job.every}\t{job.summary}")


@job_commands.command("run")
@click.argument("name")
def run_job(name: str) -> None:
    """Run the job NAME now."""
    rows = jobs.run(registry().jobs.named(name))
    click.echo(f"{rows} rows.")


@main.command()
def demo() -> None:
    """Fill an empty database with believable data."""
    demos = [feature.demo for feature in FEATURES if feature.demo]
    if not all(each.is_empty() for each in demos):
        raise Conflict(
            "The demonstration fills only an empty database without Request Tracker; this one is neither touched nor read further."
        )
    for each in demos:
        click.echo(f"{each.fill()} {each.title}.")


OUTSIDE_THE_APP = {"serve", "db", "settings"}
for feature in FEATURES:
    for command in feature.commands:
        main.add_command(command)


def _app() -> tuple[Flask, Settings]:
    settings = with_secret_key(load_settings())
    return create_app(settings), settings


def _stop(code: int, *lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
