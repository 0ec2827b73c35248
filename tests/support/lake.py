# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail Lake's SQL, parsed by sqlglot as Trino's and carried out by DuckDB over CloudTrail records.

The table is that of the CloudTrail User Guide, "Supported SQL schemas for event data stores".
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

_ISSUER = "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, username VARCHAR)"
_COLUMNS = {
    "eventversion": "VARCHAR",
    "useridentity": "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, accesskeyid VARCHAR,"
    f" username VARCHAR, sessioncontext STRUCT(sessionissuer {_ISSUER}), invokedby VARCHAR)",
    "eventtime": "TIMESTAMP",
    "eventsource": "VARCHAR",
    "eventname": "VARCHAR",
    "awsregion": "VARCHAR",
    "sourceipaddress": "VARCHAR",
    "useragent": "VARCHAR",
    "errorcode": "VARCHAR",
    "errormessage": "VARCHAR",
    "requestparameters": "MAP(VARCHAR, VARCHAR)",
    "additionaleventdata": "MAP(VARCHAR, VARCHAR)",
    "requestid": "VARCHAR",
    "eventid": "VARCHAR",
    "readonly": "BOOLEAN",
    "resources": "STRUCT(accountid VARCHAR, type VARCHAR, arn VARCHAR)[]",
    "eventtype": "VARCHAR",
    "recipientaccountid": "VARCHAR",
    "eventcategory": "VARCHAR",
}
Record = Mapping[str, Any]


class InvalidQuery(Exception):
    """The statement is not Trino's SQL, or names what the table does not have."""


def execute(sql: str, store: str, records: Sequence[Record]) -> list[dict[str, str]]:
    """The rows of an answer, every value as text and those without one left out.

    :param store: id of the event data store, which the statement reads from
    """
    if f" FROM {store} " not in sql:
        raise InvalidQuery(f"the statement does not read from {store}")
    # Lake takes its id where Trino would want a name in quotes.
    try:
        statement = sqlglot.parse_one(sql.replace(f" FROM {store} ", " FROM records "), read="trino")
        statement = statement.transform(_lambdas)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.writelines(json.dumps(_row(record)) + "\n" for record in records)
            file.flush()
            return _run(statement.sql(dialect="duckdb"), Path(file.name))
    except (sqlglot.ParseError, duckdb.Error) as error:
        raise InvalidQuery(str(error)) from error


def _run(sql: str, file: Path) -> list[dict[str, str]]:
    with duckdb.connect() as database:
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
        database.execute(
            f"CREATE TABLE records AS SELECT * FROM read_json('{file}', format='newline_delimited',"
            f" columns={{{columns}}})"
        )
        cursor = database.execute(sql)
        names = [str(column[0]) for column in cursor.description or ()]
        return [
            {name: _text(value) for name, value in zip(names, row, strict=True) if value is not None}
            for row in cursor.fetchall()
        ]


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}.000" if hasattr(value, "strftime") else str(value)


def _lambdas(node: exp.Expression) -> exp.Expression:
    """DuckDB filters a list and counts where Trino has ``any_match``."""
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "any_match":
        array, condition = node.expressions
        filtered = exp.Anonymous(this="list_filter", expressions=[array, condition])
        return exp.GT(this=exp.Anonymous(this="len", expressions=[filtered]), expression=exp.Literal.number(0))
    return node


def _row(record: Record) -> dict[str, Any]:
    """A record with the names of the table, and the maps' values as texts."""
    row = {name: _lowered(value) for name, value in ((str(key).lower(), value) for key, value in record.items())}
    for name in ("requestparameters", "additionaleventdata"):
        original = next((value for key, value in record.items() if key.lower() == name), None)
        row[name] = {k: v if isinstance(v, str) else json.dumps(v) for k, v in (original or {}).items()} or None
    return {name: row.get(name) for name in _COLUMNS}


def _lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key).lower(): _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value
