"""Names of jobs of cable tickets."""

REMIND_APPROVERS = "remind-approvers"
