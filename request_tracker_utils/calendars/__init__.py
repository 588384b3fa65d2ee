"""Calendars: the days on which nobody works, as attendance and classes share them."""
