"""Cable tickets: people ask for cable, an approver decides from the message, and the stock room fulfills."""
