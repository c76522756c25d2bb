"""For authors of backends: a conformance suite, and an engine without a chip."""
