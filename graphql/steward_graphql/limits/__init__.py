"""What is refused before any SQL: shape, size, cost, budget, documents that are not trusted."""
