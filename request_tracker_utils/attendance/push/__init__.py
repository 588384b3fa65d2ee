"""Terminals that push their records over HTTP (ADMS, the iclock protocol). Receive-only: nothing of a terminal is changed."""
