"""Questions asked of routing: catchment, failure, load, latency; and reports."""
