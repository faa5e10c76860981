"""The GraphQL schema of a set of plugins, built from the declarations."""
