"""A data set of texts."""

import pyarrow as pa
import pyarrow.parquet as pq

TEXT_CARD = {
    "name": "notes",
    "modules": ["mubench.data.sources.parquet"],
    "modality": "text",
    "classes": ["day", "night"],
    "options": {"remove": [], "deduplicate": False, "train_size": None},
}
TEXTS = [
    f"the {'sun' if i % 2 == 0 else 'moon'} number {i} shines on the hill and on river {i % 7}"
    for i in range(40)
]


def write_texts(folder, train=TEXTS, test=("the sun", "a moon"), column="text"):
    (folder / "notes").mkdir(parents=True, exist_ok=True)
    for split, texts in (("train", train), ("test", test)):
        labels = [i % 2 for i in range(len(texts))]
        table = pa.table({column: list(texts), "label": labels})
        pq.write_table(table, folder / "notes" / f"{split}.parquet")
    return folder
