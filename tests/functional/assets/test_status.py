"""What the status page and Prometheus are told of creations."""

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


def test_a_creation_whose_outcome_is_not_known_is_shown_and_is_a_problem_when_that_lasts(app: Flask, client: FlaskClient) -> None:
    headers = {**token(app, "admin"), "Accept": "text/html"}
    assert "Being found out</dt><dd>none" in client.get("/admin", headers=headers).get_data(as_text=True)
    with app.app_context():
        stumbling = FailingAssetStore()
        stumbling.fails["create"] = silence()
        with pytest.raises(Unavailable):
            create(stumbling, "SILENT-1")
    page = client.get("/admin", headers=headers).get_data(as_text=True)
    assert "SILENT-1" in page
    assert "For long nobody could find out" not in page
    with app.app_context(), transaction() as session:
        session.execute(update(Creation).values(created_at=utc_now() - timedelta(hours=1)))
    assert "For long nobody could find out" in client.get("/admin", headers=headers).get_data(as_text=True)
    assert "rtutils_asset_creations_unknown 1.0" in client.get("/metrics", headers=token(app, "admin")).get_data(as_text=True)
