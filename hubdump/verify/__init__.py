"""The proofs: that portal, store and targets agree; a file for each thing that is held against another."""
