"""Workdays: computed from the punches of terminals, reviewed by people, and sent to a CRM."""
