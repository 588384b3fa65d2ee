"""Infrastructure for all domains. Knows neither requests nor domains."""
