"""Model files: where they come from, where they lie, and what is known of each."""
