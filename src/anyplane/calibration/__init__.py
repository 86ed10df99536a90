"""What measurements teach that the graph does not say; how sure a prediction is."""
