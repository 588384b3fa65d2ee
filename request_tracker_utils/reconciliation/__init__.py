"""Where the directory and this program do not agree, whatever it is about: the record of it, and the long work on it."""
