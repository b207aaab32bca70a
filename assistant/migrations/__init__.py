"""Forward-only migrations of the state database (alembic)."""
