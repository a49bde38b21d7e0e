"""Only what mubench wrote and nobody changed is cleared away."""

import pytest

from mubench.errors import InputError
from mubench.leaderboard.write_site import write_site
from mubench.store.sums import SUMS, problems_of_folder, read_sums, sha256


def test_only_what_mubench_wrote_and_nobody_changed_is_cleared_away(tmp_path):
    out = tmp_path / "out"
    outside = tmp_path / "outside.html"
    outside.write_bytes(b"x")
    write_site({"index.html": b"1", "cells/a.html": b"a", "cells/b.html": b"b"}, out)
    (out / "cells" / "b.html").write_bytes(b"mine now")
    (out / "cells" / "c.html").write_bytes(b"c")
    outside.write_bytes(b"1")
    with (out / SUMS).open("a") as sums:
        sums.write(f"{sha256(b'1')}  ../outside.html\n")
    written = write_site({"index.html": b"2"}, out)
    assert written.removed == ("cells/a.html",)
    assert outside.exists()
    assert sorted(path.name for path in (out / "cells").iterdir()) == ["b.html", "c.html"]
    assert read_sums(out) == {"index.html": sha256(b"2")}
    assert list(problems_of_folder(out)) == []


def test_foreign_checksums_are_not_trusted(tmp_path):
    (tmp_path / SUMS).write_text("[]")
    with pytest.raises(InputError, match="not written by mubench, or damaged; choose"):
        write_site({}, tmp_path)
    assert (tmp_path / SUMS).read_text() == "[]"
