"""The made-up board as files."""

import pytest

from mubench.leaderboard.board import make_board
from mubench.leaderboard.site import site_files
from mubench.leaderboard.write_site import write_site


@pytest.fixture(scope="session")
def built(board_rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("board")
    contents = site_files(make_board(board_rows))
    write_site(contents, out)
    return out, contents
