"""Clients: who they are, who owns them, what is known about them."""
