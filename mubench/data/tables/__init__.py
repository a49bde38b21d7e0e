"""Tables in files: which split a file is of, and columns of any format."""
