"""The tables of the database, as migrations: each one is applied once and never edited again."""

from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x436C_6B46
"""Written into the header of the file, so that another program's database is not taken for ours."""

MIGRATIONS = Migrations("clockface")


@MIGRATIONS(name="001_people_templates_punches_audit")
def _first_tables(db: Database) -> None:
    """Times are microseconds since 1970 in UTC. `number` counts rows in the order of insertion.

    Punches and audit rows are only ever added: a correction is a new row that names the old one.
    """
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in _TABLES:
        db.execute(statement)


_TABLES = (
    """
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE people (
        number INTEGER PRIMARY KEY,
        staff_id TEXT NOT NULL UNIQUE CHECK (length(staff_id) BETWEEN 1 AND 32),
        name TEXT NOT NULL CHECK (name <> ''),
        name_folded TEXT NOT NULL,
        search_folded TEXT NOT NULL,
        department TEXT NOT NULL,
        shift TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('active', 'inactive', 'erased')),
        consent_utc_us INTEGER,
        created_utc_us INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX people_by_name ON people (name_folded, staff_id)",
    """
    CREATE TABLE templates (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        staff_id TEXT NOT NULL REFERENCES people (staff_id),
        model_id TEXT NOT NULL CHECK (model_id <> ''),
        view TEXT NOT NULL,
        quality REAL NOT NULL,
        embedding BLOB NOT NULL CHECK (length(embedding) = 512),
        created_utc_us INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX templates_by_person ON templates (staff_id)",
    """
    CREATE TABLE punches (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        staff_id TEXT NOT NULL REFERENCES people (staff_id),
        at_utc_us INTEGER NOT NULL,
        zone TEXT NOT NULL,
        offset_s INTEGER NOT NULL,
        mono_ns INTEGER NOT NULL,
        direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
        method TEXT NOT NULL CHECK (method IN ('face', 'pin', 'qr', 'manual')),
        similarity REAL,
        model_id TEXT NOT NULL,
        device_id TEXT NOT NULL,
        sequence INTEGER NOT NULL CHECK (sequence >= 1),
        UNIQUE (device_id, sequence)
    ) STRICT
    """,
    "CREATE INDEX punches_by_time ON punches (at_utc_us)",
    "CREATE INDEX punches_by_person_and_time ON punches (staff_id, at_utc_us)",
    "CREATE INDEX punches_by_person ON punches (staff_id)",
    """
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        at_utc_us INTEGER NOT NULL,
        operator TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL CHECK (json_valid(detail))
    ) STRICT
    """,
    *(
        f"CREATE TRIGGER {table}_keep_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added to'); END"
        for table in ("punches", "audit")
        for verb in ("UPDATE", "DELETE")
    ),
)
