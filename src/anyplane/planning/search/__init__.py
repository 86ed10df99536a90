"""Search: which announcements bring users nearest, within capacity and promises, at few changes."""
