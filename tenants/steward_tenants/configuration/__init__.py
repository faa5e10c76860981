"""Settings of a tenant: declared keys, validated values, audited changes."""
