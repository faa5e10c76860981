"""Working days and tenants own days."""
