"""
Keep the factors of a score in lists; leave room where rows are replaced.

Expand: programs of older revisions go on writing documents, which stay as they are and are read as
before. In rows of newer programs those find a document without factors.
"""

from operator import itemgetter
from typing import Final

from alembic import op

from ckm_stream.snapshots.migrations.bounds import is_postgresql

revision: Final = "0005"
down_revision: Final = "0004"

#: The columns, the field that each has of a factor, and its type in a list of PostgreSQL.
_LISTS: Final = (
    ("factor_indicators", "indicator", "TEXT"),
    ("factor_values", "value", "DOUBLE PRECISION"),
    ("factor_normalised", "normalised", "DOUBLE PRECISION"),
    ("factor_weights", "weight", "DOUBLE PRECISION"),
    ("factor_contributions", "contribution", "DOUBLE PRECISION"),
    ("factor_half_lives_s", "half_life_s", "BIGINT"),
    ("factor_n_eff", "n_eff", "DOUBLE PRECISION"),
    ("factor_event_ids", "newest_event_id", "TEXT"),
)
_COLUMNS: Final = ", ".join(column for column, _, _ in _LISTS)
_FIELDS: Final = ", ".join(field for _, field, _ in _LISTS)
_KEY: Final = ("customer_id", "version", "as_of", "epoch_id")
_SCORE_KEY: Final = ", ".join(f"score.{name}" for name in _KEY)

# A newer version of a row fits on the page of the one before, so that no index changes.
_REPLACED: Final = ("profile", "employee", "current_score")
_FILL_PERCENT: Final = 70

_FIELDS_OF_DOCUMENT: Final = ", ".join(
    f"(document.factor ->> '{field}')::{kind}" for _, field, kind in _LISTS
)
_VIEW_OF_POSTGRESQL: Final = f"""
CREATE VIEW score_factor AS
SELECT {_SCORE_KEY}, factor.*
FROM score
CROSS JOIN LATERAL unnest({_COLUMNS})
    WITH ORDINALITY AS factor ({_FIELDS}, place)
UNION ALL
SELECT {_SCORE_KEY}, {_FIELDS_OF_DOCUMENT}, place
FROM score
CROSS JOIN LATERAL jsonb_array_elements(score.factors)
    WITH ORDINALITY AS document (factor, place)
"""  # noqa: S608 -- names of ours

_VIEW_OF_SQLITE: Final = f"""
CREATE VIEW score_factor AS
SELECT {_SCORE_KEY},
    {", ".join(f"json_extract({c}, '$[' || list.key || ']') AS {f}" for c, f, _ in _LISTS)},
    list.key + 1 AS place
FROM score JOIN json_each(factor_indicators) AS list
UNION ALL
SELECT {_SCORE_KEY},
    {", ".join(f"json_extract(list.value, '$.{f}')" for _, f, _ in _LISTS)},
    list.key + 1
FROM score JOIN json_each(factors) AS list
"""  # noqa: S608 -- names of ours

_DOCUMENTS_OF_POSTGRESQL: Final = f"""
UPDATE score SET factors = coalesce((
    SELECT jsonb_agg(to_jsonb(factor) ORDER BY place)
    FROM ROWS FROM (unnest({_COLUMNS})) WITH ORDINALITY AS listed ({_FIELDS}, place)
    CROSS JOIN LATERAL (SELECT {_FIELDS}) AS factor
), '[]')
WHERE factor_indicators IS NOT NULL
"""  # noqa: S608 -- names of ours

# Numbers as they are written in the lists: through SQLite's own, some would lose their last bit.
_PARTS_OF_SQLITE: Final = " || ',' || ".join(
    f"'\"{field}\":' || ({column} -> place)"
    for column, field, _ in sorted(_LISTS, key=itemgetter(1))
)
_DOCUMENTS_OF_SQLITE: Final = f"""
UPDATE score SET factors = (
    SELECT '[' || coalesce(group_concat('{{' || {_PARTS_OF_SQLITE} || '}}', ','), '') || ']'
    FROM (SELECT '$[' || key || ']' AS place FROM json_each(factor_indicators) ORDER BY key)
)
WHERE factor_indicators IS NOT NULL
"""  # noqa: S608 -- names of ours

_CURRENT_DOCUMENTS: Final = f"""
UPDATE current_score SET factors = score.factors
FROM score
WHERE {" AND ".join(f"score.{name} = current_score.{name}" for name in _KEY)}
"""  # noqa: S608 -- names of ours


def upgrade() -> None:
    """Add the lists, which are empty in old rows, and the view over both kinds of rows."""
    if is_postgresql():
        columns = (f"ADD COLUMN IF NOT EXISTS {name} {kind}[]" for name, _, kind in _LISTS)
        op.execute(f"ALTER TABLE score {', '.join(columns)}")
        for table in _REPLACED:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {_FILL_PERCENT})")
        op.execute(_VIEW_OF_POSTGRESQL)
    else:
        for name, _, _ in _LISTS:
            op.execute(f"ALTER TABLE score ADD COLUMN {name} JSON")
        op.execute(_VIEW_OF_SQLITE)


def downgrade() -> None:
    """Write the lists as documents and drop them."""
    op.execute("DROP VIEW score_factor")
    if is_postgresql():
        # Nobody writes during a downgrade, so it may take its time.
        op.execute("SET LOCAL statement_timeout = 0")
    op.execute(_DOCUMENTS_OF_POSTGRESQL if is_postgresql() else _DOCUMENTS_OF_SQLITE)
    op.execute(_CURRENT_DOCUMENTS)
    if is_postgresql():
        op.execute(f"ALTER TABLE score {', '.join(f'DROP COLUMN {each[0]}' for each in _LISTS)}")
        for table in _REPLACED:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    else:
        for name, _, _ in _LISTS:
            op.execute(f"ALTER TABLE score DROP COLUMN {name}")
