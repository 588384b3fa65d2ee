"""Which providers the settings set up, and the folder for messages without one."""

from pathlib import Path

from structlog.testing import capture_logs

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.providers.available import ConfiguredProviders, outbox_folder
from request_tracker_utils.notifications.providers.interface import NotConnected
from tests.services.providers import KEY, message, outcome
from tests.services.smtp_server import SENDER


def test_without_a_provider_messages_are_written_to_the_outbox_folder(tmp_path: Path) -> None:
    settings = Settings(instance_path=tmp_path)
    providers = ConfiguredProviders(lambda: settings)
    for channel in Channel:
        [provider] = providers.of(channel)
        assert provider.is_folder is (channel is not Channel.CHAT), "people have chat addresses of their own"
        with capture_logs() as logged:
            for _attempt in range(2):  # a repetition writes the same file
                provider.send(message(channel), KEY)
        file = outbox_folder(settings) / f"{channel}-{KEY}.txt"
        assert file.read_text(encoding="utf-8").endswith("\n\nCat6, 100 ft — approved ✓\n")
        assert file.stat().st_mode & 0o777 == 0o600
        assert [line["file"] for line in logged] == [str(file)] * 2
        assert "ada@school" not in str(logged)
    assert outbox_folder(settings).stat().st_mode & 0o777 == 0o700
    assert len(list(outbox_folder(settings).iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    [provider] = ConfiguredProviders(lambda: Settings(instance_path=tmp_path)).of(Channel.EMAIL)
    found = outcome(provider, message())
    assert type(found) is NotConnected
    assert "outbox" in str(found)


def test_providers_follow_settings_that_change(tmp_path: Path) -> None:
    settings = [Settings(instance_path=tmp_path)]
    providers = ConfiguredProviders(lambda: settings[0])
    assert [each.name for each in providers.of(Channel.EMAIL)] == ["folder"]
    everything = {"resend_api_key": "re_x", "sendgrid_api_key": "SG.x", "smtp_host": "mail.school.example.org"}
    settings[0] = Settings.model_validate({"instance_path": tmp_path, **everything})
    assert [each.name for each in providers.of(Channel.EMAIL)] == ["folder"], "nothing can be sent without a sender"
    settings[0] = Settings.model_validate({"instance_path": tmp_path, **everything, "sendgrid_from_email": SENDER})
    first = providers.of(Channel.EMAIL)
    assert [each.name for each in first] == ["resend", "sendgrid", "smtp"]
    assert providers.of(Channel.EMAIL) is first
    assert providers.sender(Channel.EMAIL) == SENDER
