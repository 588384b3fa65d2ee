"""Imports of files: upload, encoding, columns, preview, problems, and the task that works through a file. Domains supply the row types."""
