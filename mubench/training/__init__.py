"""The descent loop, its recipes and the cost meter, shared by references and methods."""
