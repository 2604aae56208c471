"""Keeps what a real portal's answers look like, without what they say, and compares the sandbox with them."""
