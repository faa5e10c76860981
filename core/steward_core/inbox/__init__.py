"""The inbox: what waits for a person, and what lately became of what they asked for."""
