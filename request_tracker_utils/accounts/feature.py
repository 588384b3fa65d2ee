"""The accounts domain, as the app sees it."""

from request_tracker_utils.accounts import cli, jobs, recognise, views
from request_tracker_utils.web.feature import Feature

feature = Feature(
    name="accounts",
    pages=[views.pages],
    jobs=jobs.jobs,
    commands=[cli.setup_link, cli.users, cli.tokens],
    install=recognise.install,
)
