"""Which industry plugins a tenant has switched on, and their settings."""
