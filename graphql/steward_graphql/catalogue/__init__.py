"""The declarations themselves: which types there are, over which tables."""
