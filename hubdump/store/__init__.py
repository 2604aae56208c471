"""What is on disk and trusted: one SQLite file, one transaction a page."""
