"""Fields that a tenant adds itself."""
