"""Decisions of a site: health -> state -> announcements wanted; guards; every decision with its reason."""
