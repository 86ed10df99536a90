"""Attacks: where the traffic of a botnet lands, which sites drown, and which prepared response helps most."""
