"""JSON routes of cable tickets."""
