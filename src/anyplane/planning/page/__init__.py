"""What the report page is made of: the map, the colours, the words for numbers, and the template."""
