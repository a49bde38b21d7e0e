"""From a sweep file to a plan: the file's schema, checks and steps; no torch."""
