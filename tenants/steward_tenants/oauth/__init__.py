"""OAuth 2 and OpenID Connect provider: API clients, authorization codes, tokens."""
