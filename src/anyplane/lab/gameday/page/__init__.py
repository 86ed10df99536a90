"""page: template and style of the game day's page."""
