"""Open the state database: durable settings, and the schema brought up to date."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event, inspect, select, table, text
from sqlalchemy import column as sql_column
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError, OperationalError

from assistant.errors import AssistantError, NotConfigured, TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine import ExceptionContext

SCHEMA = "0002"
"""The newest revision in `assistant/migrations/versions`; a test holds the two together."""

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
BUSY_TIMEOUT_S = 30
PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL lost 400 of 400 acknowledged commits at a power cut
    "foreign_keys=ON",
    "secure_delete=ON",  # what a person wants forgotten is overwritten, not only unlinked
)
_PG_LOCK = 0x617373697374  # "assist": one advisory lock for the migration of one database


def open_database(url: str) -> Engine:
    """Open the database, create it if there is none, and migrate it forward if it is behind.

    SQLite runs in WAL mode with `synchronous=FULL`: with NORMAL a power cut took back acknowledged commits. Two
    processes may open a fresh database at once; one migrates, the other waits for it.

    Args:
        url: SQLAlchemy URL, for example `sqlite:////var/lib/assistant/state.db`.

    Raises:
        NotConfigured: The URL is wrong, its driver is missing, the file is damaged, or a newer release wrote it.
        TemporarilyUnavailable: The server does not answer, or the file is locked by another process.
    """
    engine = _create(_parse(url))
    try:
        with reading(engine) as connection:
            found = _schema_of(connection)
        if found != SCHEMA:
            _migrate(engine)
    except AssistantError:
        engine.dispose()
        raise
    return engine


def check(engine: Engine) -> None:
    """Read every page of an SQLite file; PostgreSQL checks its own.

    Raises:
        NotConfigured: The file is damaged. It is never replaced by an empty one.
    """
    if engine.dialect.name != "sqlite":
        return
    with reading(engine) as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise NotConfigured("the state database is damaged; stop the assistant and restore the last backup")


def wipe_deleted(engine: Engine) -> None:
    """Take deleted text out of SQLite's write-ahead log as well, as far as no reader holds it."""
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(reads_only=True) as connection:
            connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; on SQLite it takes the write lock at once, so that it never fails half-way."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads: it never waits for a writer."""
    with engine.connect().execution_options(reads_only=True) as connection, connection.begin():
        yield connection


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise NotConfigured(
            "ASSISTANT_DATABASE_URL is not a database URL; write it like sqlite:////path/state.db"
        ) from None
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise NotConfigured("ASSISTANT_DATABASE_URL must begin with sqlite: or postgresql:")
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _create(url: URL) -> Engine:
    options: dict[str, Any] = {"hide_parameters": True}  # an error message must not carry people's text
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": BUSY_TIMEOUT_S}
        if url.database and url.database != ":memory:":
            _make_folder(Path(url.database).parent)
    try:
        engine = create_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise NotConfigured(
            "the PostgreSQL driver is missing; install it with: pip install 'support-assistant[postgresql]'"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _translate)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotConfigured(f"the folder {folder} of the state database cannot be made ({error.strerror})") from None


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    # The driver's own transaction control opens transactions late; ours begin where we say (`_begin_sqlite`).
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _translate(context: ExceptionContext) -> None:
    """Turn the driver's errors into ours at the edge, without the statement or its values."""
    error = context.sqlalchemy_exception
    word = str(context.original_exception).splitlines()[0] if str(context.original_exception) else "no reason given"
    if isinstance(error, OperationalError | InterfaceError):
        raise TemporarilyUnavailable(f"the state database cannot be used now ({word}); check its disk and its server")
    if type(error) is DatabaseError:
        raise NotConfigured(f"the state database is damaged ({word}); stop the assistant and restore the last backup")


def _schema_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(select(table("alembic_version", sql_column("version_num")).c.version_num))


def _migrate(engine: Engine) -> None:
    # Imported only here: a database that is up to date opens without alembic.
    from alembic import command  # noqa: PLC0415 - heavy, and needed once per upgrade
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PG_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise NotConfigured(
                "the state database was written by a newer release; install that release or restore a backup"
            ) from None
