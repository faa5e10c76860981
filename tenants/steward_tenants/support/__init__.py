"""Support access: an operator looks into a tenant, as long as the tenant lets them and under its eyes."""
