"""fixtures/train.jsonl and fixtures/pool.jsonl: every so-many-th package of a list of Debian package descriptions.

    python scripts/make-fixtures.py debian-65k/train.jsonl.gz fixtures

A row is {"query": short description, "pos": [long description]}. The pool holds the positives of the rows and as many
descriptions again and more that answer no row.
"""
import gzip
import json
import sys

ROWS, PASSAGES = 200, 500
source, target = sys.argv[1:3]
rows, seen = [], set()
for line in gzip.open(source, "rt", encoding="utf-8"):
    row = json.loads(line)
    if row["query"] not in seen and row["pos"][0] not in seen:
        rows.append(row)
        seen.update([row["query"], row["pos"][0]])
step = len(rows) // PASSAGES
chosen = rows[:: step][:PASSAGES]
with open(f"{target}/train.jsonl", "w", encoding="utf-8") as out:
    out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen[0 : 2 * ROWS : 2])
with open(f"{target}/pool.jsonl", "w", encoding="utf-8") as out:
    out.writelines(json.dumps({"text": row["pos"][0]}, ensure_ascii=False) + "\n" for row in chosen)
