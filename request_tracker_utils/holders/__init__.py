"""Who holds what in the directory: told, looked up, compared with who has it here."""
