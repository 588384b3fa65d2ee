"""Settings of terminals for time and attendance."""

from pydantic import BaseModel, Field

from request_tracker_utils.core.settings.types import EmailAddresses, Networks


class TerminalSettings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

    zkteco_default_port: int = Field(4370, ge=1, le=65535, description="Port of new terminals for time and attendance.")
    zkteco_timeout: float = Field(
        10, ge=1, le=60, description="Seconds to wait for each answer of a terminal that has no timeout of its own."
    )
    zkteco_poll_deadline: float = Field(120, ge=5, le=1800, description="Seconds after which reading a terminal is stopped.")
    polling_interval_minutes: int = Field(
        15, ge=1, le=24 * 60, description="Minutes between two polls of a terminal. One that fails again and again is polled less often."
    )
    terminal_silent_minutes: int = Field(
        60,
        ge=5,
        le=7 * 24 * 60,
        description="Minutes without an answer or a push after which a terminal counts as silent. Longer than `POLLING_INTERVAL_MINUTES`.",
    )
    terminal_allow_loopback: bool = Field(
        False, description="Whether terminals may have loopback addresses, which lead to this server; for tests."
    )
    terminal_push: bool = Field(
        False,
        description="Whether terminals may push their records to `/iclock/` (ADMS). Unknown ones are pending until they are accepted.",
    )
    terminal_push_networks: Networks = Field(
        (), description="Addresses or networks from which terminals may push, separated by commas. If not set: all."
    )
    terminal_drift_seconds: int = Field(
        60, ge=10, le=86_400, description="Seconds by which the clock of a terminal may be off before it is reported."
    )
    terminal_alert_recipients: EmailAddresses = Field(
        (),
        description="Email addresses that get a message when a terminal has a problem, and when it has ended, separated by commas. If not "
        "set: all administrators.",
    )
