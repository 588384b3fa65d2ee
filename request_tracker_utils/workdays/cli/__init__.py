"""Commands for workdays."""

from request_tracker_utils.workdays.cli.processing import process_attendance

commands = [process_attendance]
