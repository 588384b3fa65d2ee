"""Permissions of workdays, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class WorkdayPermission(StrEnum):
    READ = "workdays:workdays:read"
    """View the workdays of all people, and reports. They are personal data."""
    REVIEW = "workdays:workdays:review"
    """Accept and correct workdays of other people, decide about missed punches, and close pay periods."""
    MANAGE = "workdays:schedules:manage"
    """Change staff groups and their hours, compute workdays again, and send them to the CRM."""


GRANTS = {
    "admin": frozenset(WorkdayPermission),
    "staff": frozenset({WorkdayPermission.READ}),
}
