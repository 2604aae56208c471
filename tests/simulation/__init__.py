"""The deterministic simulation: whole extractions on virtual time, all of each from one seed, and their judge."""
