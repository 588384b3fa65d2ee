"""Imports of files: upload, encoding, columns, preview, problems, and the task that processes a file. Domains provide the row types."""
