"""Audit: what was done and what sensitive was read, by whom, sealed into a hash chain per tenant."""
