"""Pay by results: schemes as versioned data, and statements whose every line explains itself."""
