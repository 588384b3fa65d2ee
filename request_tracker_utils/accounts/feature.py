"""What accounts contribute to the app."""

from request_tracker_utils.accounts import cli, jobs
from request_tracker_utils.accounts.permissions import AccountPermission
from request_tracker_utils.accounts.views import authentication, own_account, people as people_views, sign_in
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="accounts",
    pages=[sign_in.pages, own_account.pages, people_views.pages],
    jobs=jobs.jobs,
    commands=[cli.setup_link, cli.users, cli.tokens],
    administration=[
        NavItem("People", "people.people", AccountPermission.READ, order=20),
        NavItem("Sign-ins", "people.sign_ins", AccountPermission.EVENTS, order=30),
    ],
    grants={"admin": frozenset(AccountPermission)},
    install=authentication.install,
)
