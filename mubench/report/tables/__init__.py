"""The report's tables: as values, and as Markdown, CSV, LaTeX and text."""
