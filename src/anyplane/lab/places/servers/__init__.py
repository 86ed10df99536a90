"""servers: what answers users in a PoP of the lab (DNS, HTTP, NTP) and what feeds origin validation (RTR)."""
