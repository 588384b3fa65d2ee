"""The stock of cable: receipts, a ledger of movements, balances, reservations and reordering."""
