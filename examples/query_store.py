"""
Ask the store of ckm-stream the questions in query_store.sql.

    python query_store.py [NAME ...]

Needs: Python alone for SQLite; psycopg 3.3 for PostgreSQL.
Settings: CKM_STORE, the path of an SQLite file or a postgresql:// URL; a user who may only SELECT
is enough. CKM_QUERIES, another file of queries.
Prints one JSON line for each row of each query that was named; of all queries for this database if
none was.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STORE = os.environ["CKM_STORE"]
FILE = Path(os.environ.get("CKM_QUERIES", Path(__file__).with_name("query_store.sql")))
IS_POSTGRESQL = STORE.startswith("postgresql://")


def queries() -> dict[str, str]:
    """Return the queries for this database by their names."""
    parts = FILE.read_text().split("-- name: ")[1:]
    named = {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1] for part in parts}
    other = "_sqlite" if IS_POSTGRESQL else "_postgresql"
    return {name: query for name, query in named.items() if not name.endswith(other)}


def rows(query: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query; nothing can be changed by it."""
    if IS_POSTGRESQL:
        import psycopg
        from psycopg.rows import dict_row

        with psycopg.connect(STORE, row_factory=dict_row) as connection:
            connection.read_only = True
            yield from connection.execute(query.encode())
    else:
        database = sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        yield from (dict(row) for row in database.execute(query))
        database.close()


def main() -> None:
    """Run the queries that were named, or all."""
    known = queries()
    for name in sys.argv[1:] or known:
        for row in rows(known[name]):
            print(json.dumps({"query": name, **row}, default=str))


if __name__ == "__main__":
    main()
