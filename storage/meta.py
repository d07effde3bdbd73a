"""The few values that belong to the whole database."""

from sqlite_utils import Database


def read_meta(db: Database, key: str) -> str | None:
    """Return a value of the table meta."""
    row = db.conn.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def write_meta(db: Database, key: str, value: str) -> None:
    """Set a value of the table meta in the open transaction."""
    db.conn.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def forget_meta(db: Database, key: str) -> None:
    """Remove a value of the table meta in the open transaction."""
    db.conn.execute("DELETE FROM meta WHERE key = ?", (key,))
