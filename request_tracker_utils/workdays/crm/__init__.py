"""Sending workdays to the CRM: the request, what its answers mean, and runs that send many."""
