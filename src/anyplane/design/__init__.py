"""Design text -> Design, or errors that name file, line, column, path, rule and hint."""
