"""Files of a tenant: their rows here, their bytes in a store."""
