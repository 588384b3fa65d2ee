"""Assets as people work with them: found, looked at, added, tagged, and from there labelled."""
