"""gameday: scenarios that break a lab (or drain a real site) on purpose, and what their users lost by it."""
