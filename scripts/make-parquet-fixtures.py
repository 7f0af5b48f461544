"""Makes the Parquet files of fixtures/parquet, as other programs write them: pip install pyarrow; python3 scripts/make-parquet-fixtures.py"""
import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "parquet"
FOLDER.mkdir(exist_ok=True)

COUNT = 40
texts = [f"passage {i}" for i in range(COUNT)]

pool = pa.table({
    "_id": pa.array([9007199254740993 + i for i in range(COUNT)], pa.int64()),
    "text": pa.array(texts, pa.string()),
    "title": pa.array([None if i % 3 else f"title {i}" for i in range(COUNT)], pa.string()),
})
rows = pa.table({
    "query": pa.array([f"query {i} é \U0001f600" for i in range(10)], pa.large_string()),
    "pos": pa.array([[texts[i], texts[i + 10]][: 1 + i % 2] for i in range(10)], pa.large_list(pa.large_string())),
    "neg": pa.array([None, [], *[[texts[20]]] * 8], pa.list_(pa.string())),
    "id": pa.array([2**60 + i for i in range(10)], pa.uint64()),
    "weight": pa.array([None if i == 4 else i / 4 for i in range(10)], pa.float64()),
    "flag": pa.array([i % 2 == 0 for i in range(10)], pa.bool_()),
    "scores": pa.array([[0.5, i] for i in range(10)], pa.list_(pa.float32())),
    "meta": pa.array([{"source": "a", "tags": ["x", None], "n": i} for i in range(10)],
                     pa.struct([("source", pa.string()), ("tags", pa.list_(pa.string())), ("n", pa.int64())])),
    "kind": pa.array([f"kind {i % 2}" for i in range(10)]).dictionary_encode(),
    "day": pa.array([datetime.datetime(2026, 1, 1 + i) for i in range(10)], pa.timestamp("us")),
})

for name in ["snappy", "gzip", "brotli", "zstd", "lz4", "none"]:
    pq.write_table(pool, FOLDER / f"pool-{name}.parquet", compression=name, row_group_size=16)
pq.write_table(rows, FOLDER / "rows.parquet", row_group_size=4)
