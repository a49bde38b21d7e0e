"""The made-up board as files."""

import pytest

from mubench.leaderboard.board import make_board
from mubench.leaderboard.site import site
from mubench.leaderboard.write_site import write


@pytest.fixture(scope="session")
def built(board_rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("board")
    contents = site(make_board(board_rows))
    write(contents, out)
    return out, contents
