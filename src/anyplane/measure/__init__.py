"""Probes out, answers in: each health check speaks its own protocol, in its own task, with a deadline."""
