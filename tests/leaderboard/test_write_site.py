"""Only what mubench wrote and nobody changed is cleared away."""

import json

import pytest

from mubench.errors import InputError
from mubench.leaderboard.write_site import MANIFEST, write_site


def test_only_what_mubench_wrote_and_nobody_changed_is_cleared_away(tmp_path):
    out = tmp_path / "out"
    outside = tmp_path / "outside.html"
    outside.write_bytes(b"x")
    write_site({"index.html": b"1", "cells/a.html": b"a", "cells/b.html": b"b"}, out)
    (out / "cells" / "b.html").write_bytes(b"mine now")
    (out / "cells" / "c.html").write_bytes(b"c")
    manifest = json.loads((out / MANIFEST).read_bytes())
    manifest["files"]["../outside.html"] = manifest["files"]["index.html"]
    outside.write_bytes(b"1")
    (out / MANIFEST).write_text(json.dumps(manifest))
    written = write_site({"index.html": b"2"}, out)
    assert written.removed == 1
    assert outside.exists()
    assert sorted(path.name for path in (out / "cells").iterdir()) == ["b.html", "c.html"]
    assert json.loads((out / MANIFEST).read_bytes())["files"].keys() == {"index.html"}


def test_a_foreign_manifest_is_not_trusted(tmp_path):
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(InputError, match="not written by mubench; choose another --out"):
        write_site({}, tmp_path)
    assert (tmp_path / MANIFEST).read_text() == "[]"
