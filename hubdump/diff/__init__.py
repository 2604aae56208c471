"""Holds a dump against data that somebody else made of the same portal: what each of the two lacks."""
