"""What an older installation left, taken over."""
