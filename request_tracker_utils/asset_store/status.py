"""What the status page shows of the directory."""

from request_tracker_utils.asset_store.current import examination
from request_tracker_utils.asset_store.inspection import problems
from request_tracker_utils.web.feature import Condition, StatusSection

PATIENCE = 2.0
"""Seconds. Request Tracker usually needs one for all questions."""


def content() -> Condition:
    """What has been found out by now; the questions go on being asked when the page is drawn already."""
    examined = examination()
    complete = examined.look(within=PATIENCE)
    findings = list(examined.findings)
    missing = problems(findings)
    if not complete:
        missing.append("Request Tracker has not answered everything yet. Load this page again in a moment.")
    return Condition({"findings": findings, "asked_at": examined.asked_at, "complete": complete}, missing)


sections = [StatusSection("Directory", "asset_store/status.html", content, order=40)]
