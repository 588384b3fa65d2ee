"""Commands for workdays."""

from request_tracker_utils.workdays.cli.crm import daily_cleanup, retry_failed_syncs, sync_to_crm, test_crm
from request_tracker_utils.workdays.cli.processing import process_attendance

commands = [process_attendance, sync_to_crm, retry_failed_syncs, daily_cleanup, test_crm]
