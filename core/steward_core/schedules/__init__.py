"""Recurring work of tenants: rules for when, and firings of which each happens exactly once."""
