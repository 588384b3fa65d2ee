"""JSON routes of the stock."""
