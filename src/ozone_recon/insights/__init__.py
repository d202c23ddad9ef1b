"""One module for each operator question, each with a rebuild and its reading side."""
