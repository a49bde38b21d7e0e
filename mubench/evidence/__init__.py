"""What a model still holds that its outputs do not show: evidence from its weights."""
