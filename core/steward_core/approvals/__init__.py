"""Everything that needs a yes: definitions as versioned data, and one engine that replays a trail."""
