"""Peers: other simulators on the same input, in a virtual environment of their own."""
