"""both_ways: the way in from a client to a site, the way back to it, and who sees only one of the two."""
