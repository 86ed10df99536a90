"""The Linux kernel over netlink and pidfd: leased addresses on lo, nexthop groups, the death of processes."""
