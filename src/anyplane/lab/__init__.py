"""lab: a mini-Internet of real routers in network namespaces, the design's sites in it, and their faults."""
