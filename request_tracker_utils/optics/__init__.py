"""Requests for optics: transceivers and other parts that administrators approve."""
