"""Pages of cable tickets."""
