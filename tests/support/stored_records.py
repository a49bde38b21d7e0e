"""Records and damaged files."""

from mubench.store.record import Record


def record(key, **values):
    return Record(
        **{
            "id": key,
            "unlearn_id": key,
            "kind": "final",
            "status": "ok",
            "dataset": "d",
            "model": "m",
            "scenario": "class",
            "cell": "d/m/class",
            "request": "r",
            "seed_train": 0,
            "created": "2026-01-01T00:00:00.000+00:00",
            **values,
        }
    )


def damaged(content, how):
    if how == "altered":
        return content[:-4] + bytes(255 - b for b in content[-4:])
    if how == "footer":
        return content[:-60] + bytes(255 - b for b in content[-60:-8]) + content[-8:]
    return {"truncated": content[: len(content) // 2], "empty": b"", "no parquet": b"hello"}[how]
