"""The webhook called by somebody who has its secret, for assets that Request Tracker created long ago."""

from datetime import timedelta

import pytest

from request_tracker_utils.core.clock import utc_now
from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt


def test_an_old_asset_keeps_its_name_and_a_new_one_is_renamed(installation: Installation, rt: RequestTracker) -> None:
    old, new = (rt.create_asset(name, catalog="Cables") for name in ("an old cable", "a new cable"))  # a catalog without the webhook
    rt.database.set_created(old, utc_now() - timedelta(days=2))
    tags = {asset_id: installation.tell(asset_id).json()["asset_tag"] for asset_id in (old, new)}

    def settled() -> bool:
        installation.time_passes()
        installation.run_job("confirm-tags")
        return installation.row(tags[old]).problem is not None and rt.all_assets()[new] == tags[new]

    wait_until(settled, within=60)
    assert rt.all_assets()[old] == "an old cable"
    page = installation.signed_in()
    assert f"Rename #{old} to {tags[old]}" in page.get("/admin/asset-tags/differences").text
    assert "The webhook was called for this asset at" in page.get("/admin/asset-tags/pending").text + page.get("/tags/pending").text
