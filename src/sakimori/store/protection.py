"""Row-level security on PostgreSQL: what keeps institutions apart whatever a statement forgets.

Every table has two policies. ``institution`` shows and takes rows of the institution that the transaction is bound to;
bound to none, the setting is NULL or empty, and there are no rows. ``maintenance`` shows all rows to the owner of the
tables, when it says so (``SEE_ALL``): migrations, backups, and the functions of the schema ``authority``, which give
the operator of the national programme sums over institutions and no rows.
"""

from sqlalchemy import Connection, text

VERSIONS = "alembic_version"
"""The one table without institutions: which migrations were run."""
SEE_ALL = "SELECT set_config('sakimori.maintenance', 'on', true)"
_INSTITUTION = "tenant = NULLIF(current_setting('sakimori.tenant', true), '')"
_MAINTENANCE = "current_setting('sakimori.maintenance', true) = 'on'"
_POLICIES = [
    "institution t * all (tenant = NULLIF(current_setting('sakimori.tenant'::text, true), ''::text))",
    "maintenance t * owner (current_setting('sakimori.maintenance'::text, true) = 'on'::text)",
]
"""Both as the server prints them: permissive, for every command, for whom, and no other condition for writing."""
_AGGREGATES = {
    "grants": (
        "institution text, grants bigint",
        'SELECT g.tenant, count(*) FROM "grant" g GROUP BY g.tenant',
    ),
    "budgets": (
        "institution text, period text, requests numeric, tokens numeric, microyen numeric",
        "SELECT b.tenant, b.period, sum(b.requests), sum(b.tokens), sum(b.microyen) "
        "FROM budget_window b GROUP BY b.tenant, b.period",
    ),
    "usage": (
        "institution text, day text, model text, purpose text, provider text, outcome text, code text, calls bigint, "
        "input_tokens bigint, output_tokens bigint, microyen bigint",
        "SELECT u.tenant, u.day, u.model, u.purpose, u.provider, u.outcome, u.code, u.calls, u.input_tokens, "
        "u.output_tokens, u.microyen FROM usage_day u",
    ),
}
"""Functions of the schema ``authority``: what each returns, and the query behind it."""
_TABLES = (
    "c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'"
)


def user(connection: Connection) -> str:
    return connection.execute(text("SELECT session_user")).scalar_one()


def exists(connection: Connection, role: str) -> bool:
    found = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    return found.first() is not None


def stands_above(connection: Connection, role: str) -> str | None:
    """Why row-level security does not bind a role, or one that it may become; None: it does."""
    reached = "FROM pg_roles r WHERE pg_has_role(:role, r.oid, 'MEMBER') AND"
    row = connection.execute(
        text(
            f"SELECT EXISTS (SELECT {reached} r.rolsuper), "  # noqa: S608 # our own words
            f"EXISTS (SELECT {reached} r.rolbypassrls), "
            f"EXISTS (SELECT {reached} (r.oid IN (SELECT c.relowner FROM pg_class c WHERE {_TABLES}) "
            "OR r.oid = (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database())))"
        ),
        {"role": role},
    ).one()
    words = (
        "is, or may become, a superuser",
        "has BYPASSRLS, or may get it",
        "owns the tables, or may become who does",
    )
    return next((sentence for sentence, holds in zip(words, row, strict=True) if holds), None)


def owners(connection: Connection) -> set[str]:
    """Roles that own our tables; empty where there are none yet."""
    query = f"SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class c WHERE {_TABLES}"  # noqa: S608 # our own words
    return set(connection.execute(text(query)).scalars())


def may_create(connection: Connection) -> bool:
    return bool(
        connection.execute(text("SELECT has_schema_privilege(current_schema()::regnamespace, 'CREATE')")).scalar_one()
    )


def may_read(connection: Connection) -> bool:
    """Whether our role was given its rights, so far as there are tables at all."""
    version = text(
        f"SELECT to_regclass('{VERSIONS}') IS NULL OR has_table_privilege(to_regclass('{VERSIONS}'), 'SELECT')"
    )
    return bool(connection.execute(version).scalar_one())


def tables(connection: Connection) -> list[str]:
    query = f"SELECT c.relname FROM pg_class c WHERE {_TABLES} ORDER BY c.relname"  # noqa: S608 # our own words
    return list(connection.execute(text(query)).scalars())


def unprotected(connection: Connection) -> list[str]:
    """Tables that row-level security does not bind, or not with exactly our two policies."""
    query = f"""
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, array_agg(concat_ws(
            ' ', p.polname, p.polpermissive, p.polcmd,
            CASE p.polroles WHEN ARRAY[0::oid] THEN 'all' WHEN ARRAY[c.relowner] THEN 'owner' END,
            pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)
        ) ORDER BY p.polname)
        FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
        WHERE {_TABLES} GROUP BY c.oid ORDER BY c.relname
    """  # noqa: S608 # our own words
    return [name for name, forced, policies in connection.execute(text(query)) if not forced or policies != _POLICIES]


def unfit(connection: Connection, *, oldest: int) -> str | None:
    """Why a database cannot hold our tables as SQLite does; None: it can."""
    version, encoding, by_code_point = connection.execute(
        text(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), "
            "'B' < 'a' AND 'a-b' < 'aa'"
        )
    ).one()
    if version < oldest:
        return f"runs on PostgreSQL {version}: use {oldest} or newer"
    if encoding != "UTF8" or not by_code_point:
        return (
            "does not sort text by code point in UTF-8: create it with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        )
    return None


def protect(connection: Connection, *, ordinary: str, authority: str | None) -> None:
    """As the owner: put every table under row-level security, and give the roles their rights and no more."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    schema = quote(connection.execute(text("SELECT current_schema()")).scalar_one())
    role = quote(ordinary)
    statements = [
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {role}",
        f"GRANT SELECT ON {VERSIONS} TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    ]
    existing = text("SELECT polname FROM pg_policy WHERE polrelid = CAST(:table AS regclass)")
    for name in tables(connection):
        table = quote(name)
        policies = connection.execute(existing, {"table": table}).scalars().all()
        statements += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            *(f"DROP POLICY {quote(policy)} ON {table}" for policy in policies),
            f"CREATE POLICY institution ON {table} USING ({_INSTITUTION})",
            f"CREATE POLICY maintenance ON {table} TO CURRENT_USER USING ({_MAINTENANCE})",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}",
        ]
    if authority is not None:
        statements += _aggregates(schema, quote(authority))
    for statement in statements:
        connection.exec_driver_sql(statement)


def _aggregates(schema: str, role: str) -> list[str]:
    """Functions that run as the owner, since no right on a table lets one read sums and not rows."""
    statements = ["CREATE SCHEMA IF NOT EXISTS authority", f"GRANT USAGE ON SCHEMA authority TO {role}"]
    for name, (columns, query) in _AGGREGATES.items():
        statements += [
            f"DROP FUNCTION IF EXISTS authority.{name}()",
            f"CREATE FUNCTION authority.{name}() RETURNS TABLE ({columns}) LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {schema}, pg_temp AS $$\n#variable_conflict use_column\nBEGIN\n"
            f"PERFORM set_config('sakimori.maintenance', 'on', true);\nRETURN QUERY {query};\n"
            "PERFORM set_config('sakimori.maintenance', '', true);\nEND $$",
            f"REVOKE ALL ON FUNCTION authority.{name}() FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION authority.{name}() TO {role}",
        ]
    return statements
