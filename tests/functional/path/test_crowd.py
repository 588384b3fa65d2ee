"""Eight clients create fifty assets each while one in ten of Request Tracker's answers is lost, late or an error."""

import pytest

from tests.functional.path.conftest import Install
from tests.services.crowd import FATES, PATIENCE, BadDay, Crowd
from tests.services.installation import Surroundings
from tests.services.local_server import wait_until

pytestmark = pytest.mark.rt


def test_everybody_is_told_the_truth_and_no_tag_or_serial_number_is_lost_or_doubled(
    install: Install, surroundings: Surroundings, kind: str
) -> None:
    installation = install(kind, rt_timeout=str(PATIENCE))
    wait_until(lambda: installation.call("GET", "/next-asset-tag").ok)
    surroundings.tells(installation.server.url)
    crowd, day = Crowd(installation, clients=8, each=50), BadDay(seed=400)
    with surroundings.line.meddling(day):
        crowd.create(tries=2)
    assert all(day.fates[fate] >= 5 for fate in FATES), day.fates
    assert 10 <= crowd.unanswered() < 200  # a slow machine adds answers that come too late
    crowd.settle()
    assert crowd.wrongs(surroundings.rt) == []
