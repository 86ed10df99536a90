"""proof: random worlds on real routers, held against the prediction, difference by difference."""
