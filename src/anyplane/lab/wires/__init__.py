"""wires: the cables of a lab: laid over netlink, delayed, cut and limited by a relay."""
