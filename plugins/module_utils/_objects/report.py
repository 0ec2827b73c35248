# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a scan leaves behind: the tally, the complete list, the checkpoint. PRIVATE to coffer.velero."""

from __future__ import annotations

import hashlib
import json
import os
import time
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.coffer.velero.plugins.module_utils._errors import CofferError, ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import Wanted
from ansible_collections.coffer.velero.plugins.module_utils._objects.tally import Tally
from ansible_collections.coffer.velero.plugins.module_utils._objects.work import COLUMNS, Done, Source, csv_lines

#: Seconds between two messages, and between two checkpoints.
PROGRESS_EVERY = 3.0
CHECKPOINT_EVERY = 5.0

_VERSION = 1


@dataclass
class Report:
    """Takes the outcome of each unit in the order in which it counts.

    :param path: of the complete list; it has its name once it is complete
    :param checkpoint: of the file that says how far a scan has come, removed at its end
    """

    wanted: Wanted
    source: Source
    path: Path | None = None
    checkpoint: Path | None = None
    progress: Callable[[str], None] = lambda message: None
    tally: Tally = field(default_factory=Tally)
    before: float = 0.0
    continued: bool = False

    def __post_init__(self) -> None:
        self._begin = time.monotonic()
        self._told = self._saved = self._begin
        self._counted = self._started_at = 0
        self._file: t.BinaryIO | None = None

    def open(self) -> None:
        """Begin, or go on where the checkpoint says.

        :raises ValidationError: where the checkpoint is of another scan
        """
        size = 0
        if self.checkpoint and self.checkpoint.exists():
            size = self._continue(self.checkpoint)
        if self.path:
            try:
                self._file = self._partial.open("r+b" if size else "wb")
                self._file.seek(size)
                self._file.truncate()
            except OSError as error:
                reason = f"cannot be written ({error.strerror})"
                raise ValidationError(
                    "path", str(self.path), reason, "Name a file in a directory that exists."
                ) from error
            if not size and self.wanted.lines == "csv":
                self._file.write(csv_lines([list(COLUMNS)]))

    def _continue(self, checkpoint: Path) -> int:
        try:
            saved = json.loads(checkpoint.read_text())
            if saved["of"] != self._fingerprint:
                reason = "is of a scan with other options"
                raise ValidationError("checkpoint", str(checkpoint), reason, "Remove the file, or name another one.")
            self.source.restore(saved["source"])
            self.tally = Tally.of(saved["tally"])
            self.before, self.continued = saved["seconds"], True
            size = int(saved["size"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"cannot be read ({error})"
            raise ValidationError("checkpoint", str(checkpoint), reason, "Remove the file to begin anew.") from error
        if size and not (self._partial.exists() and self._partial.stat().st_size >= size):
            reason = f"goes with {self._partial}, which is not there or too short"
            raise ValidationError("checkpoint", str(checkpoint), reason, "Remove the checkpoint to begin anew.")
        self._counted = self._started_at = self.tally.total
        return size

    @property
    def _partial(self) -> Path:
        return Path(f"{self.path}.part")

    @property
    def _fingerprint(self) -> str:
        """Stands for everything that a scan's outcome depends on; no key can be read from it."""
        key = hashlib.sha256(self.wanted.customer_key).hexdigest() if self.wanted.customer_key else ""
        whole = [
            _VERSION,
            vars(replace(self.wanted, customer_key=None)),
            key,
            str(self.path),
            self.source.identity,
        ]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    def take(self, done: Done) -> None:
        self.tally.merge(done.tally, self.wanted.max_offenders)
        if self._file:
            self._file.write(done.lines)

    def tick(self, looked: int) -> None:
        """Say and save how far the scan is, when it is time.

        :param looked: objects that this run has looked at, also where they do not count yet
        """
        now = time.monotonic()
        if now - self._told >= PROGRESS_EVERY:
            total = max(self._started_at + looked, self.tally.total)
            rate = (total - self._counted) / (now - self._told)
            self.progress(f"{total:,} objects, {rate:,.0f} a second, {self._faults()}; {self.source.left}")
            self._told, self._counted = now, total
        if self.checkpoint and now - self._saved >= CHECKPOINT_EVERY:
            self.save()

    def _faults(self) -> str:
        counts = self.tally.counts
        return f"{counts.get('wrong', 0):,} wrong, {counts.get('unreadable', 0):,} unreadable"

    def save(self) -> None:
        """Write the checkpoint, in one step."""
        if not self.checkpoint:
            return
        size = 0
        if self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
            size = self._file.tell()
        saved = {
            "of": self._fingerprint,
            "source": self.source.state(),
            "tally": self.tally.plain(),
            "seconds": self.seconds,
            "size": size,
        }
        draft = Path(f"{self.checkpoint}.new")
        try:
            draft.write_text(json.dumps(saved))
            draft.replace(self.checkpoint)
        except OSError as error:
            raise CofferError(f"checkpoint: {self.checkpoint} cannot be written: {error.strerror}.") from error
        self._saved = time.monotonic()

    def finish(self) -> None:
        """The scan is complete."""
        if self._file:
            self._file.close()
            self._partial.replace(t.cast("Path", self.path))
        if self.checkpoint:
            self.checkpoint.unlink(missing_ok=True)

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self._begin
