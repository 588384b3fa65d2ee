"""Creations with an unknown outcome, on the status page and for Prometheus."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from request_tracker_utils.assets.models import Creation
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Unavailable
from tests.services.apps import token
from tests.services.asset_stores import FailingAssetStore, silence
from tests.services.creations import create


def test_a_creation_with_an_unknown_outcome_is_shown_and_is_a_problem_once_that_lasts(app: Flask, client: FlaskClient) -> None:
    headers = {**token(app, "admin"), "Accept": "text/html"}
    assert "Outcome unknown</dt><dd>none" in client.get("/admin", headers=headers).get_data(as_text=True)
    with app.app_context():
        failing = FailingAssetStore()
        failing.fails["create"] = silence()
        with pytest.raises(Unavailable):
            create(failing, "UNKNOWN-1")
    page = client.get("/admin", headers=headers).get_data(as_text=True)
    assert "UNKNOWN-1" in page
    assert "has been unknown for more than 30 minutes" not in page
    with app.app_context(), transaction() as session:
        session.execute(update(Creation).values(created_at=utc_now() - timedelta(hours=1)))
    assert "has been unknown for more than 30 minutes" in client.get("/admin", headers=headers).get_data(as_text=True)
    assert "rtutils_asset_creations_unknown 1.0" in client.get("/metrics", headers=token(app, "admin")).get_data(as_text=True)
