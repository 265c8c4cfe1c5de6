"""A private PostgreSQL cluster: in a folder of its own, behind a socket there, by an unprivileged user."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from sakimori.store import postgresql
from sakimori.store.database import database_url

OWNER, ORDINARY, AUTHORITY = "sakimori_owner", "sakimori", "sakimori_authority"
OPEN_ROLES = {
    "by_right": "has BYPASSRLS, or may get it",
    "by_role": "has BYPASSRLS, or may get it",
    "as_owner": "owns the tables, or may become who does",
    "as_root": "is, or may become, a superuser",
}
"""Roles that row-level security does not bind, and why."""
PASSWORD_ROLE = "sakimori_password"
"""May only come in with a password."""


class Cluster:
    """Roles as docs/operations.md creates them; ``open`` gives databases with our schema."""

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        found = str(programs[-1]) if programs else shutil.which("initdb")
        if found is None:
            raise FileNotFoundError("there is no PostgreSQL server here: run tools/install-services")
        self._programs = Path(found).resolve().parent
        # Not below pytest's folder: a socket's path has room for 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="saki-pg-"))
        self._user = pwd.getpwnam("postgres" if _is_user("postgres") else "nobody") if os.geteuid() == 0 else None
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self.folder.chmod(0o755)
        self._count = 0
        self._shared = ""
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
        access = self.folder / "data" / "pg_hba.conf"
        access.write_text(f"local all {PASSWORD_ROLE} scram-sha-256\n{access.read_text()}")
        self.start()
        try:
            self.sql(_as_documented())
            for role in OPEN_ROLES:
                self.sql(f"CREATE ROLE {role} LOGIN")
            self.sql(
                "ALTER ROLE by_right BYPASSRLS; ALTER ROLE by_role NOINHERIT; GRANT by_right TO by_role; "
                f"GRANT {OWNER} TO as_owner; GRANT postgres TO as_root; "
                f"CREATE ROLE {PASSWORD_ROLE} LOGIN PASSWORD 'secret'"
            )
            postgresql.migrate(database_url(self.url("sakimori", OWNER)), postgresql.Roles(ORDINARY, AUTHORITY))
        except BaseException:
            self.remove()
            raise

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off -c autovacuum=off"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """At once, as when the machine's plug is pulled."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def create(self, database: str, *, template: str = "template0") -> None:
        self.sql(f"CREATE DATABASE {database} OWNER {OWNER} TEMPLATE {template}")

    def new(self) -> str:
        """The name of a new database with our schema and no rows."""
        self._count += 1
        name = f"test_{self._count}"
        self.create(name, template="sakimori")
        return name

    def emptied(self) -> str:
        """The name of a database without rows that tests take in turn: making one takes longer than most tests."""
        if not self._shared:
            self._shared = self.new()
            return self._shared
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid(); "
            "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') "
            "|| ' RESTART IDENTITY' FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename <> 'alembic_version'); END $$",
            database=self._shared,
        )
        return self._shared

    def drop(self, database: str) -> None:
        """Whoever may still be connected to it."""
        self.sql(f"DROP DATABASE {database} WITH (FORCE)")

    def url(self, database: str, role: str = ORDINARY) -> str:
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def sql(self, statement: str, *, database: str = "postgres", role: str = "postgres") -> str:
        """What psql prints, unaligned and without headers. Raises CalledProcessError."""
        psql = [str(self._programs / "psql"), "-h", str(self.folder), "-U", role, "-d", database]
        asked = [*psql, "-qXAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        return subprocess.run(asked, input=statement, check=True, capture_output=True, text=True).stdout.strip()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        uid, gid, groups = (self._user.pw_uid, self._user.pw_gid, list[int]()) if self._user else (None, None, None)
        quiet = subprocess.DEVNULL
        subprocess.run(command, check=True, stdout=quiet, cwd=self.folder, user=uid, group=gid, extra_groups=groups)


def _as_documented() -> str:
    """The statements by which an administrator prepares a server."""
    page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    return page.split("```sql\n")[1].split("```")[0]


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
