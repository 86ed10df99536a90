"""Playbooks: what each prepared response does to the load of every site, to be looked up."""
