"""containerlab: the same lab as files that containerlab runs."""
