"""Schemas of cable tickets."""
