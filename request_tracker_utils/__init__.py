"""RequestTracker Utils: the tools of a school district's IT office, alongside Request Tracker."""

__version__ = "0.1.0"
