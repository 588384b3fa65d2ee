"""Names by which other rooms know this one."""

RUN_TASKS = "run-tasks"
"""The job that does the work of tasks. It runs soon after each commit that starts or resumes one."""
DELETE_OLD_TASKS = "delete-old-tasks"
