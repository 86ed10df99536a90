"""The nouns that every folder shares; this folder imports nothing of ours."""
