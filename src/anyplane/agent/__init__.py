"""The loop of one site: check, decide, apply, verify, record."""
