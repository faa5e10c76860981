"""Outgoing webhooks: other systems are told, signed and in order, of what happens in a tenant."""
