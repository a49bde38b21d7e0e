"""The catalogue: cards, search spaces, plug-ins and content ids. No torch."""
