"""The SQL yardstick: the same rules over the same events as SQL, through the public pySigma backend for SQLite.

``measure`` installs the backend into a virtual environment of its own and runs this very file there, as a program that
knows nothing of Sakimori: it loads the events into a table, indexed by channel and code, and runs one query per rule.
"""

import importlib
import json
import re
import sqlite3
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

PACKAGE = "pysigma-backend-sqlite"


def measure(rules: Iterable[tuple[Path, str]], events: Path, folder: Path) -> dict[str, Any] | None:
    """Rules, each with the SQL condition of its log source, over a file of JSON lines.

    Returns ``events``, ``rules``, ``refused`` (rules that the backend or SQLite does not take), ``found`` and CPU
    ``seconds`` for loading and querying; None where the backend cannot be installed.
    """
    environment = folder / "sql"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    if subprocess.run(install, check=False, capture_output=True).returncode:
        return None
    task = folder / "sql.json"
    task.write_text(json.dumps({"rules": [[str(path), where] for path, where in rules], "events": str(events)}))
    # -P: this folder has a module "sigma" of its own.
    done = subprocess.run([python, "-P", __file__, task], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def _queries(rules: Sequence[tuple[str, str]]) -> tuple[list[str], int]:
    collection: Any = importlib.import_module("sigma.collection")
    backend: Any = importlib.import_module("sigma.backends.sqlite").sqliteBackend()
    queries: list[str] = []
    refused = 0
    for path, where in rules:
        try:
            parsed = collection.SigmaCollection.from_yaml(Path(path).read_text("utf-8"))
            made: list[str] = backend.convert(parsed)
        except Exception:  # noqa: BLE001 (whatever another's converter raises, the rule is not measured)
            refused += 1
            continue
        for query in made:
            before, _, condition = query.partition(" WHERE ")
            head = before.replace("<TABLE_NAME>", "logs").replace("SELECT *", "SELECT count(*)")
            queries.append(f"{head} WHERE ({where}) AND ({condition})")
    return queries, refused


def _run(task: dict[str, Any]) -> dict[str, Any]:
    queries, refused = _queries(task["rules"])
    database = sqlite3.connect(":memory:")
    database.create_function("regexp", 2, _matches, deterministic=True)
    begin = time.process_time()
    with Path(task["events"]).open("rb") as file:
        rows = [{name: _cell(value) for name, value in json.loads(line).items()} for line in file]
    spelled: dict[str, str] = {}
    for row in rows:
        for name in row:
            spelled.setdefault(name.lower(), name)
    columns = [f'"{name}" TEXT COLLATE NOCASE' for name in spelled.values()]
    database.execute(f"CREATE TABLE logs ({', '.join(columns)})")
    places = ", ".join("?" * len(spelled))
    values = ([row.get(name) for name in spelled.values()] for row in rows)
    database.executemany(f"INSERT INTO logs VALUES ({places})", values)  # noqa: S608 (question marks)
    database.execute("CREATE INDEX kinds ON logs (Channel, EventID)")
    found = 0
    for query in queries:
        try:
            found += database.execute(query).fetchone()[0]
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):  # a field that no event has: nothing to find
                refused += 1
    seconds = time.process_time() - begin
    return {"events": len(rows), "rules": len(queries), "refused": refused, "found": found, "seconds": seconds}


def _matches(pattern: str, text: str | None) -> bool:
    return text is not None and re.search(pattern, text) is not None


def _cell(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    print(json.dumps(_run(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
