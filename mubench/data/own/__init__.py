"""Data of a person's own, without a card: folders of images, tables, the hub."""
