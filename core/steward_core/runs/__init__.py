"""Long work that survives: runs, and the one way of driving them."""
