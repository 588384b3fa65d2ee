"""The import of an older installation's database, sequence file and log."""
