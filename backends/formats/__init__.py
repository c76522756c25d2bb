"""Reads what a model file says of itself, without the library that runs it. Never trusts a byte of it."""
