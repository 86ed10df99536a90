"""world: design and topology -> what a lab is built from, and what is predicted of it."""
