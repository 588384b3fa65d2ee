"""Messages by e-mail, SMS and chat: what is sent to whom, through which provider, and what became known of it."""
