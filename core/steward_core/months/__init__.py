"""Opening and closing a month."""
