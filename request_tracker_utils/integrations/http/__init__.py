"""HTTP requests to services that have a deadline and a limit, and lead only to permitted addresses."""
