"""Providers that send messages. `interface` says what each of them does."""
