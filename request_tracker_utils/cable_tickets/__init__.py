"""Cable tickets: people request cable, an approver decides from the message, and the stock room fulfills."""
