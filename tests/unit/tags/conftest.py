"""A database with a sequence that is ready, and an asset store that fails on demand."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading
from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.models import Tag
from tests.services.asset_stores import FailingAssetStore

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor("ada")


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def preview(prefix: str = "W12-") -> str:
    with reading() as session:
        return str(sequence.preview(session, prefix))


def tag(text: str) -> Tag:
    with reading() as session:
        return session.scalars(select(Tag).where(Tag.tag == text)).one()
