"""Benchmarks that print ratios: `python -m bench` for Anyplane, `python -m bench.peers` against BGPy."""
