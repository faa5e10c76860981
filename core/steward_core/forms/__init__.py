"""Industry forms: one model each, and their records."""
