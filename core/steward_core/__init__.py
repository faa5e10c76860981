"""Floor 2: what every industry shares about account managers and their clients."""
