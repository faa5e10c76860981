"""Running plans, functions and mutations; what is remembered between requests."""
