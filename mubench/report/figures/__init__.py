"""Figures as Vega-Lite: interactive in the page, SVG and PNG beside it for a paper."""
