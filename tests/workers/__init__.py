"""Workers, with real processes over a real PostgreSQL and Valkey."""
