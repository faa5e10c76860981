"""Those who are compared with: programs of their own, started by the measurement."""
