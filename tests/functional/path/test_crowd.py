"""Clients create assets at the same time while one in four of Request Tracker's answers is lost, late or an error.

`make bench` does the same with eight clients, fifty assets each, and one bad answer in ten.
"""

import pytest

from tests.functional.path.conftest import Install
from tests.services.crowd import FATES, PATIENCE, BadDay, Crowd
from tests.services.installation import Surroundings

pytestmark = [pytest.mark.rt, pytest.mark.parametrize("kind", ["postgresql"], indirect=True)]


def test_every_client_is_told_the_truth_and_no_tag_or_serial_number_is_lost_or_doubled(
    install: Install, surroundings: Surroundings, kind: str
) -> None:
    installation = install(kind, rt_timeout=str(PATIENCE))
    surroundings.tells(installation.server.url)
    crowd, day = Crowd(installation, clients=8, each=8), BadDay(seed=400, rate=0.25)
    with surroundings.line.meddling(day):
        crowd.create(tries=2)
    assert all(day.fates[fate] >= 2 for fate in FATES), day.fates
    assert 1 <= crowd.unanswered() < 60  # a slow machine adds answers that come too late
    crowd.settle()
    assert crowd.wrongs(surroundings.rt) == []
