"""Query documents that a tenant trusts: named by their digest, and where the tenant wishes the only ones allowed."""
