"""Build a board: collect rows, rank them, write the site."""

from pathlib import Path

from mubench.errors import InputError
from mubench.leaderboard.board import make_board
from mubench.leaderboard.collect import Places, collect
from mubench.leaderboard.site import site
from mubench.leaderboard.write_site import Written, write


def build(places: Places, out: Path) -> Written:
    """Write the site of all rows into `out`; the same rows give the same bytes.

    Raises:
        InputError: a place that is not there, a wrong row, or contributed rows inside `out`.
        TrackingError: a tracking server does not answer.
        StoreError: `out` cannot be written.
    """
    for path in places.rows:
        if path.resolve().is_relative_to(out.resolve()):
            raise InputError(
                f"{path}: lies inside of {out}, where a later build clears rows away; keep "
                "contributed rows in a folder of their own"
            )
    return write(site(make_board(collect(places))), out)
