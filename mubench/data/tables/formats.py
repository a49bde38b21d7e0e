"""Columns of one file: Parquet, Arrow (file or stream), CSV and JSON lines, a batch at a time.

Values of a CSV are texts: its format has no types, and what looks like a number may be a name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.json as pc_json
import pyarrow.parquet as pq
from pyarrow import ipc

from mubench.data.tables.place import File, Place, first_line
from mubench.errors import DataError

BATCH = 1000
"""Rows that are held at once, where the format allows it."""
FORMATS = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
_PACKED = (".gz", ".bz2", ".zst")
_JSON_LINE = 64 * 2**20
"""Bytes that one line of JSON may have."""
_DELIMITERS = ",;\t|"


class TableFile(NamedTuple):
    """A file of a table, and how its text is to be read."""

    place: Place
    file: File
    encoding: str = "utf-8"

    @property
    def path(self) -> str:
        """For messages."""
        return self.file.path

    @property
    def format(self) -> str:
        """A value of `FORMATS`."""
        return format_of(self.file.name) or "parquet"

    def schema(self) -> pa.Schema:
        """Names and types of the columns.

        Raises:
            DataError: the file is damaged, or is not of the format that its name says.
        """
        with _Explained(self):
            match self.format:
                case "parquet":
                    with self._parquet() as file:
                        return file.schema_arrow
                case "arrow":
                    return self._arrow().schema
                case "csv":
                    return self._csv(()).schema
                case _:
                    return self._json().schema

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The named columns, in the order of the rows. Raises DataError as `schema` does."""
        with _Explained(self):
            match self.format:
                case "parquet":
                    with self._parquet() as file:
                        yield from file.iter_batches(BATCH, columns=list(columns))
                case "arrow":
                    for batch in _arrow_batches(self._arrow()):
                        yield from _cut(batch.select(list(columns)))
                case "csv":
                    for batch in self._csv(columns):
                        yield from _cut(batch.select(list(columns)))
                case _:
                    for batch in self._json().select(list(columns)).to_batches():
                        yield from _cut(batch)

    def _parquet(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.place.files.open_input_file(self.path))

    def _arrow(self) -> Any:
        try:
            return ipc.open_file(self.place.files.open_input_file(self.path))
        except pa.ArrowInvalid:  # as the library `datasets` writes
            return ipc.open_stream(self.place.files.open_input_stream(self.path))

    def _csv(self, columns: Sequence[str]) -> Any:
        names = self._names()
        wanted = list(columns or names)
        return pc_csv.open_csv(
            self.place.files.open_input_stream(self.path),
            read_options=pc_csv.ReadOptions(encoding=self.encoding, block_size=_JSON_LINE),
            parse_options=pc_csv.ParseOptions(delimiter=self._delimiter(), newlines_in_values=True),
            convert_options=pc_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
            ),
        )

    def _json(self) -> pa.Table:
        table = self._parsed_json(pa.schema([]))
        # JSON has no times: what looks like one is a text that somebody wrote.
        times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
        if not times:
            return table
        texts = pa.schema([(name, pa.string()) for name in times])
        return self._parsed_json(texts).select(table.schema.names)

    def _parsed_json(self, schema: pa.Schema) -> pa.Table:
        """Its columns; those of `schema` have its types, the others the types that they look of."""
        return pc_json.read_json(
            self.place.files.open_input_stream(self.path),
            read_options=pc_json.ReadOptions(block_size=_JSON_LINE),
            parse_options=pc_json.ParseOptions(explicit_schema=schema),
        )

    def _head(self) -> str:
        with self.place.files.open_input_stream(self.path) as stream:
            start = bytes(stream.read(2**16))
        if start[:2] in (b"\xff\xfe", b"\xfe\xff") and "16" not in self.encoding:
            raise DataError(f"{self.path}: is UTF-16; add 'encoding: utf-16', or save it as UTF-8")
        return start.decode(self.encoding, "ignore").lstrip("\ufeff").partition("\n")[0]

    def _delimiter(self) -> str:
        head = self._head()
        return max(_DELIMITERS, key=head.count)

    def _names(self) -> list[str]:
        """Columns of a CSV; a name that is there twice stays twice."""
        reader = pc_csv.open_csv(
            self.place.files.open_input_stream(self.path),
            read_options=pc_csv.ReadOptions(encoding=self.encoding, block_size=_JSON_LINE),
            parse_options=pc_csv.ParseOptions(delimiter=self._delimiter(), newlines_in_values=True),
        )
        return list(reader.schema.names)


def format_of(name: str) -> str | None:
    """The format of a file by its name; None where it is no table."""
    path = PurePosixPath(name.lower())
    suffix = PurePosixPath(path.stem).suffix if path.suffix in _PACKED else path.suffix
    found = FORMATS.get(suffix)
    return None if path.suffix in _PACKED and found not in ("csv", "json") else found


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The names that a `ClassLabel` of the library `datasets` gives to numbers, or none."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        feature: Mapping[str, Any] = about["info"]["features"][column]
        return tuple(map(str, feature.get("names") or ()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def holds_text(kind: pa.DataType) -> bool:
    """Whether a column has texts."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column has encoded images: bytes, or structs with a field `bytes`."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def unwrapped(values: pa.Array) -> pa.Array:
    """The values that an extension type or a dictionary stands for."""
    if isinstance(values, pa.ExtensionArray):
        return unwrapped(values.storage)
    if pa.types.is_dictionary(values.type):
        return unwrapped(values.dictionary_decode())
    return values


def _arrow_batches(reader: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, ipc.RecordBatchFileReader):
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
    else:
        yield from reader


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, BATCH):
        yield batch.slice(start, BATCH)


class _Explained:
    """Errors of reading a file as one line."""

    def __init__(self, table: TableFile) -> None:
        self._table = table

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError | UnicodeError | LookupError):
            table = self._table
            raise DataError(
                f"{table.path}: not a whole {_WORDS[table.format]} file ({first_line(error)})"
                f"{_hint(table, error)}"
            ) from error


_WORDS = {"parquet": "Parquet", "arrow": "Arrow", "csv": "CSV", "json": "JSON lines"}


def _hint(table: TableFile, error: BaseException) -> str:
    text = str(error).lower()
    if table.format == "csv" and ("utf8" in text or "utf-8" in text or "codec" in text):
        return "; add 'encoding: latin-1', say, or save it as UTF-8"
    if table.format == "csv" and "csv parse error: row" in text:
        return "; quote values that contain the delimiter, and begin with names of columns"
    if table.format == "json" and "to array" in text:
        return "; it is one array: write each object on a line (pandas: lines=True)"
    if table.format == "json":
        return "; each line must be one JSON object with the same keys"
    return ""
