"""A tenant's configuration as one file."""
