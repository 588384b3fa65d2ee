"""`rtutils notifications test`: a test message, and what does not work."""

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
