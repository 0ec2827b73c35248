# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as two files. PRIVATE to coffer.velero."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import tempfile
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .._errors import ValidationError
from .._plan import Difference, Plan, Step
from .._types import Document
from .formatting import STATUS_NAMES
from .html import to_html
from .model import PARTS, assemble, to_json

SUFFIXES = (".json", ".html")


class Found(t.NamedTuple):
    """A file as it is.

    :param status: that of the report in it, ``None`` where it is no report
    """

    content: bytes
    mode: int
    status: str | None


Files: t.TypeAlias = "Mapping[Path, Found | None]"


@dataclass
class ReportResource:
    """The two files of a report, for the runner.

    :param dest: without suffix
    :param mode: the permissions of both files
    """

    document: Document
    dest: Path
    mode: int

    def __post_init__(self) -> None:
        json_path, html_path = (self.dest.with_name(self.dest.name + suffix) for suffix in SUFFIXES)
        text = to_json(self.document).encode()
        page = to_html(self.document, json_path.name, _digest(text)).encode()
        self.contents = {json_path: text, html_path: page}

    @classmethod
    def of(cls, evidence: Mapping[str, t.Any], dest: str, mode: str) -> ReportResource:
        """From the options of a task.

        :raises ValidationError: for evidence that is none, and a path that cannot be
        """
        document = assemble(evidence, _object_manifest(evidence))
        try:
            path = path_of(dest, document)
        except OSError as error:
            reason, remediation = f"cannot be a file ({error.strerror})", "Choose another dest."
            raise ValidationError("dest", dest, reason, remediation) from error
        return cls(document, path, int(mode, 8))

    def read(self) -> Files:
        return {path: _found(path) for path in self.contents}

    def decide(self, current: Files) -> Plan:
        """Both files are written where one of them is not as it should be: they are a pair."""
        paths = dict(zip(("json_path", "html_path"), map(str, self.contents), strict=True))
        desired = {path: Found(content, self.mode, self.document["status"]) for path, content in self.contents.items()}
        differences = tuple(
            Difference(str(path), _describe(current[path]), _describe(file))
            for path, file in desired.items()
            if current[path] != file
        )
        steps = (Step("write", {"paths": list(paths.values())}),) if differences else ()
        missing = None
        if differences and not self.dest.parent.is_dir():
            remediation = "Make the directory first (ansible.builtin.file), or choose another dest."
            missing = ValidationError("dest", str(self.dest.parent), "is not a directory", remediation)
        return Plan(steps, differences, {**self._result(), **paths}, unmet_dependency=missing)

    def _result(self) -> Document:
        document, outcome = self.document, ("status", "reason", "message")
        parts = {part: {name: document[part][name] for name in outcome} for part in PARTS}
        parts["audit"]["severity"] = document["audit"]["severity"]
        return {**{name: document[name] for name in outcome}, "parts": parts, "counts": document["objects"]["counts"]}

    def guard(self, plan: Plan) -> None:
        """Nothing beyond what the plan itself refuses."""

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        """Write both files beside where they go, and give them their names once both are whole."""
        drafts: dict[Path, str] = {}
        try:
            for path, content in self.contents.items():
                drafts[path] = _draft(path, content, self.mode)
            for path, draft in drafts.items():
                os.replace(draft, path)
        except OSError as error:
            reason, remediation = f"cannot be written: {error.strerror}", "Name a file in a directory that takes it."
            raise ValidationError("dest", str(self.dest), reason, remediation) from error
        finally:
            for draft in drafts.values():
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(draft)
        return {}


def path_of(dest: str, document: Document) -> Path:
    """Where the files go, without suffix. In a directory they are named by location and time, so that all are kept."""
    path = Path(dest)
    if dest.endswith(os.sep) or path.is_dir():
        location = document["location"]
        words = f"{location['bucket']}-{location['prefix']}-{document['scan']['finished']}"
        return path / ("evidence-" + re.sub(r"[^A-Za-z0-9.]+", "-", words.replace(":", "")).strip("-."))
    return path.with_suffix("") if path.suffix in SUFFIXES else path


def _found(path: Path) -> Found | None:
    try:
        content = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        remediation = "Choose another dest, or correct the file's permissions."
        raise ValidationError("dest", str(path), f"cannot be read ({error.strerror})", remediation) from error
    return Found(content, mode, _status_in(path, content))


def _status_in(path: Path, content: bytes) -> str | None:
    """The status of the report that is there already; the page has it in its title."""
    if path.suffix == ".html":
        match = re.search(rb"<title>([A-Z][a-z -]+):", content[:20_000])
        return next((status for status, name in STATUS_NAMES.items() if match and match[1].decode() == name), None)
    try:
        return str(json.loads(content)["status"])
    except (ValueError, KeyError, TypeError):
        return None


def _describe(file: Found | None) -> Document | None:
    return file and {"status": file.status, "mode": f"{file.mode:04o}", "sha256": _digest(file.content)}


def _draft(path: Path, content: bytes, mode: int) -> str:
    handle, draft = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        try:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        except BaseException:
            os.unlink(draft)
            raise
    return draft


def _object_manifest(evidence: Mapping[str, t.Any]) -> Document | None:
    """The complete list of objects, with its digest where the file is found."""
    objects = evidence.get("objects")
    path = objects.get("path") if isinstance(objects, Mapping) else None
    if not path:
        return None
    try:
        with Path(str(path)).expanduser().open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"path": str(path), "sha256": digest, "size": file.tell()}
    except OSError:
        return {"path": str(path), "sha256": None, "size": None}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
