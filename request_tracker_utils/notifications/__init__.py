"""Messages by email, SMS and chat: what is sent to whom, through which provider, and what became known of it."""
