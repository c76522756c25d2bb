"""Home Assistant: what is announced to it, and when."""
