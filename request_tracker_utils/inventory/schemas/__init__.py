"""Schemas of the JSON routes of the stock."""
