"""`rtutils notifications test`: a test message, and what does not work."""

import os
from datetime import timedelta

from flask import Flask

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.notifications.jobs import DELETE_OLD_NOTIFICATIONS
from request_tracker_utils.notifications.providers.available import outbox_folder
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import run_job
from tests.services.providers import Resend, SendGrid
from tests.services.terminal import Run, run

__all__ = ["run"]

ADA = "ada@school.example.org"


def test_the_command_explains_what_does_not_work(run: Run) -> None:
    with Resend() as resend, SendGrid() as sendgrid:
        environ = {name.upper(): value for name, value in {**resend.settings(), **sendgrid.settings()}.items()}
        result = run("notifications", "test", "--email", ADA, **environ)
        assert result.exit_code == 0, result.output
        assert "Resend: Resend has accepted the message." in result.output
        resend.owner = "owner@school.example.org"
        result = run("notifications", "test", "--email", ADA, **environ)
        assert result.exit_code == 1
        assert "sandbox" in result.output
        assert "SendGrid: SendGrid has accepted the message." in result.output
        for secret in (environ["RESEND_API_KEY"], environ["SENDGRID_API_KEY"]):
            assert secret not in result.output


def test_the_command_says_what_is_missing(run: Run) -> None:
    result = run("notifications", "test", "--sms", "202 555 0123")
    assert (result.exit_code, "country code" in result.output) == (1, True)
    result = run("notifications", "test")
    assert (result.exit_code, "--email" in result.output) == (2, True)
    result = run("notifications", "test", "--email", ADA)
    assert result.exit_code == 1
    assert "No provider is set up" in result.output


def test_files_of_the_outbox_folder_are_deleted_after_a_while(app: Flask) -> None:
    folder = outbox_folder(registry_of(app).settings)
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for name, days in (("email-old.txt", 200), ("email-new.txt", 1), ("notes.txt", 200)):
        (folder / name).write_text("Hello")
        written_at = (utc_now() - timedelta(days=days)).timestamp()
        os.utime(folder / name, (written_at, written_at))
    with app.app_context():
        assert run_job(app, DELETE_OLD_NOTIFICATIONS) == 1
    assert sorted(file.name for file in folder.iterdir()) == ["email-new.txt", "notes.txt"]
