"""What the core adds to the database kit."""
