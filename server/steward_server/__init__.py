"""Floor 4: composition only. Settings, the ASGI application, the command line, embedded services."""
