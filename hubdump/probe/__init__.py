"""Asks a real portal, read-only, what no text says for sure of HubSpot; the answers are switches of the sandbox."""
