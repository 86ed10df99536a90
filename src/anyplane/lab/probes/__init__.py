"""probes: who asks the sites from everywhere, what was lost, and how forwarding changed."""
