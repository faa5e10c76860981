"""Users: the people of a tenant."""
