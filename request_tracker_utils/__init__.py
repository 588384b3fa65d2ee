"""RequestTracker Utils: tools for a school district's IT office, alongside Request Tracker."""

__version__ = "0.1.0"
