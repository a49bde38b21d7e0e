"""What there is: cards, search spaces, plug-ins and content ids, without torch."""
