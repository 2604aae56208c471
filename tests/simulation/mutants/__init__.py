"""Mutants: the core broken on purpose, one fault each, so that the simulation and its judge show what they can find."""
