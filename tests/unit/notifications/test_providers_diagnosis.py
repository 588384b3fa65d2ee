"""Test messages, and the explanations of what does not work."""

import time
from pathlib import Path

import pytest

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.diagnosis import Diagnosis, send_test
from request_tracker_utils.notifications.providers.available import ConfiguredProviders, outbox_folder
from tests.services.providers import TWILIO_SID, Ntfy, Resend, SendGrid, Twilio, settings_of
from tests.services.smtp_server import SmtpServer
from tests.services.tables import check_all

ADA = "ada@school.example.org"


def diagnose(settings: Settings, channel: Channel, address: str) -> Diagnosis:
    return send_test(ConfiguredProviders(lambda: settings), settings, channel, address)


def test_each_provider_is_tested() -> None:
    """Also those that come into play only when the first one fails."""
    with Resend() as resend, SendGrid("wrong key") as sendgrid, SmtpServer() as smtp:
        found = diagnose(settings_of(resend, sendgrid, smtp), Channel.EMAIL, ADA)
        assert [(each.name, each.accepted) for each in found.results] == [("resend", True), ("sendgrid", False), ("smtp", True)]
        assert not found.works
        assert "SENDGRID_API_KEY" in found.results[1].explanation
        assert "Resend" in resend.accepted[0]["text"]
        assert "SMTP" in str(smtp.accepted[0].message["Subject"])
        sendgrid.mode = "ok"
        assert diagnose(settings_of(resend, sendgrid, smtp), Channel.EMAIL, ADA).works


def test_a_provider_that_answers_nothing_does_not_delay_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from request_tracker_utils.notifications.providers.http import HttpService

    monkeypatch.setattr(HttpService, "seconds", 3)
    with Resend("hang") as resend, SendGrid("hang") as sendgrid, SmtpServer() as smtp:
        began = time.monotonic()
        found = diagnose(settings_of(resend, sendgrid, smtp), Channel.EMAIL, ADA)
        assert [each.accepted for each in found.results] == [False, False, True]
        assert time.monotonic() - began < 6, "one after another"
        assert "may still arrive" in found.results[0].explanation


def test_the_usual_causes_are_explained(tmp_path: Path) -> None:
    with Resend() as resend, Twilio() as twilio, SmtpServer() as smtp, SmtpServer("relaying denied") as sandbox, Ntfy() as ntfy:
        resend.owner = "owner@school.example.org"

        def check(settings: Settings, channel: Channel, address: str, *texts: str) -> None:
            found = diagnose(settings, channel, address)
            shown = "\n".join([*(each.explanation for each in found.results), *found.hints])
            for text in texts:
                assert text in shown

        folder = Settings(instance_path=tmp_path)
        check_all(
            [
                (settings_of(resend), Channel.EMAIL, ADA, "sandbox", "SENDGRID_FROM_EMAIL", "owner@school.example.org"),
                (settings_of(resend, resend_api_key="re_wrong"), Channel.EMAIL, ADA, "RESEND_API_KEY"),
                (settings_of(sandbox), Channel.EMAIL, ADA, "sandbox"),
                (settings_of(smtp, smtp_user="x"), Channel.EMAIL, ADA, "SMTP_USER is set without SMTP_PASSWORD"),
                (settings_of(smtp), Channel.EMAIL, ADA, "SPF"),
                (folder, Channel.EMAIL, ADA, "No provider is set up", str(outbox_folder(folder))),
                (folder, Channel.CHAT, "", "No provider is set up", str(outbox_folder(folder))),
                (Settings.model_validate({"instance_path": tmp_path, "resend_api_key": "re_x"}), Channel.EMAIL, ADA, "SENDGRID_FROM_EMAIL"),
                (settings_of(twilio), Channel.SMS, "+15005550008", "trial account"),
                (settings_of(twilio, twilio_auth_token="wrong"), Channel.SMS, "+12025550123", "TWILIO_AUTH_TOKEN"),
                (settings_of(twilio), Channel.SMS, "+1 (202) 555-0123", "10DLC", "APP_URL"),
                (
                    Settings.model_validate({"instance_path": tmp_path, "twilio_account_sid": TWILIO_SID}),
                    Channel.SMS,
                    "+12025550123",
                    "Twilio also needs TWILIO_AUTH_TOKEN, TWILIO_PHONE_NUMBER",
                ),
                (settings_of(ntfy), Channel.CHAT, "", "Apprise has accepted"),
                (settings_of(ntfy), Channel.CHAT, ntfy.chat_url("office"), "Apprise has accepted"),
            ],
            check,
        )
        assert twilio.accepted[0]["to"] == "+12025550123"


def test_addresses_to_which_nothing_can_be_sent(tmp_path: Path) -> None:
    def refused(channel: Channel, address: str, text: str) -> None:
        with pytest.raises(Invalid, match=text):
            diagnose(Settings(instance_path=tmp_path), channel, address)

    check_all(
        [
            (Channel.EMAIL, "", "email address"),
            (Channel.EMAIL, "ada", "email address"),
            (Channel.EMAIL, "ada@school.example.org\r\nBcc: eve@example.org", "email address"),
            (Channel.SMS, "202 555 0123", "country code"),
            (Channel.SMS, "", "country code"),
            (Channel.SMS, "+1 ada", "not a phone number"),
            (Channel.SMS, "+1202", "too short"),
            (Channel.CHAT, "file:///etc/passwd", "cannot be read"),
            (Channel.CHAT, "ntfys://10.0.0.5/topic", "private network"),
        ],
        refused,
    )
    assert not outbox_folder(Settings(instance_path=tmp_path)).exists()
