"""A data set as one HTML file that needs no network."""

from mubench.report.page import environment
from mubench.run.data_summary import DataSummary


def data_page(summary: DataSummary) -> str:
    """Return the page; the same data give the same bytes."""
    largest = max((sum(each.counts.values()) for each in summary.classes), default=1)
    return environment().get_template("data.html.jinja").render(data=summary, largest=largest)
