"""The import of a legacy installation's database, sequence file and log."""
