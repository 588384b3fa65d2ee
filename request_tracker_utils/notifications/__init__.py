"""Messages by email, SMS and chat: who gets which message, through which provider, and whether it arrived."""
