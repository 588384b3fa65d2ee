"""Who gets the messages about a request through the notifications of the app."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.db import reading
from request_tracker_utils.notifications.models import Notification
from tests.services.apps import make_app, ready, token, user
from tests.services.tables import check_all

BODY = {"selected_part": "Other", "other_part": "QSFP-100G-LR4", "quantity": 2}


def recipients(app: Flask) -> dict[str, list[str]]:
    """Event → addresses, or the accounts' IDs."""
    with app.app_context(), reading() as session:
        found: dict[str, list[str]] = {}
        for each in session.scalars(select(Notification).order_by(Notification.id)):
            found.setdefault(each.event, []).append(each.address or str(each.recipient_user_id))
    return found


def submitted(app: Flask, role: str = "teacher") -> Any:
    answer = app.test_client().post("/api/optics-requests", json=BODY, headers=token(app, role))
    assert answer.status_code == 201, answer.json
    return answer.json["request"]


def test_alerts_go_to_the_addresses_of_the_setting_and_the_decision_to_the_requester(tmp_path: Path, database_url: str) -> None:
    app = ready(make_app(tmp_path, database_url=database_url, optics_alert_emails="a@example.org, b@example.org"))
    user(app, "admin", "ada")
    request = submitted(app)
    assert recipients(app) == {"optics-requested": ["a@example.org", "b@example.org"]}
    path, admin = f"/api/optics-requests/{request['id']}/status", token(app, "admin")
    for action, status in (("approve", 200), ("approve", 409), ("deny", 409), ("archive", 200)):
        assert app.test_client().patch(path, json={"action": action}, headers=admin).status_code == status
    assert recipients(app)["optics-decided"] == [str(request["created_by_id"])], "one message, and none about the archive"


def test_without_the_setting_every_administrator_gets_an_alert(app: Flask) -> None:
    for name in ("ada", "grace"):
        user(app, "admin", name)
    user(app, "staff", "bob")
    submitted(app)
    with app.app_context(), reading() as session:
        recipients = session.scalars(select(Notification.recipient_user_id)).all()
    assert len(recipients) == len(set(recipients)) == 2


def test_the_setting_accepts_addresses_only(tmp_path: Path) -> None:
    def refuses(value: str) -> None:
        with pytest.raises(Exception, match="OPTICS_ALERT_EMAILS"):
            make_app(tmp_path, optics_alert_emails=value)

    check_all(["ada", "a@example.org b@example.org", "a@example.org,,@", "a@"], refuses)
