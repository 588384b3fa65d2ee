"""What every domain stands on. Knows neither a request nor any domain."""
