# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a scan writes: its progress, the list of every object, the checkpoint. PRIVATE to coffer.velero."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import os
import time
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .._errors import CofferError, ValidationError
from .batch import BatchDone
from .inventory import InventorySource
from .model import ScanOptions
from .prefix_lister import PrefixLister
from .result_collector import COLUMNS, Totals, csv_lines

#: Seconds between two messages, and between two checkpoints.
PROGRESS_EVERY = 3.0
CHECKPOINT_EVERY = 5.0

#: A checkpoint of an older scan is not resumed.
MAX_AGE = dt.timedelta(days=7)

_VERSION = 3


@dataclass
class ScanOutput:
    """Takes the outcome of each batch in the order in which it counts.

    :param path: of the list of every object; it has its name once it is complete
    :param checkpoint: of the file that says how far a scan is, removed at its end
    :param place: what names the server beside the bucket: another one's objects are other objects
    :ivar started: when the scan began, in an earlier run where it is resumed
    """

    options: ScanOptions
    source: PrefixLister | InventorySource
    path: Path | None = None
    checkpoint: Path | None = None
    place: Sequence[str | None] = ()
    progress: Callable[[str], None] = lambda message: None
    totals: Totals = field(default_factory=Totals)
    resumed: bool = False

    def __post_init__(self) -> None:
        self.started = dt.datetime.now(dt.UTC)
        self._start = time.monotonic()  # of this run, less the seconds of the runs before it
        self._reported = self._saved = self._start
        self._reported_total = self._resumed_total = 0
        self._file: t.BinaryIO | None = None

    def open(self) -> None:
        """Start, or resume where the checkpoint says.

        :raises ValidationError: where the checkpoint is of another scan, or one of the files cannot be
        """
        size = 0
        _refuse_no_file("path", self.path)
        _refuse_no_file("checkpoint", self.checkpoint)  # which is written when it is too late to name another
        if self.checkpoint and self.checkpoint.exists():
            size = self._resume(self.checkpoint)
        if not self.path:
            return
        try:
            self._file = os.fdopen(os.open(self._partial, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of this process: no fork of it keeps the lock
            self._file.seek(size)
            self._file.truncate()
        except BlockingIOError as error:
            reason = "is being written by another run"
            raise ValidationError("path", str(self.path), reason, "Wait for its end, or name another file.") from error
        except OSError as error:
            reason = f"cannot be written ({error.strerror})"
            raise ValidationError("path", str(self.path), reason, "Name a file in a directory that exists.") from error
        if not size and self.options.list_format == "csv":
            self._write(csv_lines([COLUMNS]))

    def _resume(self, checkpoint: Path) -> int:
        name = str(checkpoint)
        try:
            saved = json.loads(checkpoint.read_text())
            if saved["fingerprint"] != self._fingerprint:
                reason = "is of a scan with other options"
                raise ValidationError("checkpoint", name, reason, "Remove the file, or name another one.")
            self._refuse_age(dt.datetime.fromisoformat(saved["started_at"]), name)
            self.source.restore(saved["source"])
            self.totals = Totals(**saved["totals"])
            self._start -= saved["seconds"]
            size = int(saved["size"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            reason = "cannot be read, or is not a checkpoint of this version"
            raise ValidationError("checkpoint", name, reason, "Remove the file to start again.") from error
        if size and not (self._partial.exists() and self._partial.stat().st_size >= size):
            reason = f"goes with {self._partial}, which is not there or too short"
            raise ValidationError("checkpoint", name, reason, "Remove the checkpoint to start again.")
        self.resumed = True
        self._reported_total = self._resumed_total = self.totals.counts["total"]
        return size

    def _refuse_age(self, started: dt.datetime, name: str) -> None:
        """What was seen long ago is no evidence of today."""
        if self.started - started > MAX_AGE:
            reason = f"is of a scan that began on {started:%Y-%m-%d}, more than {MAX_AGE.days} days ago"
            raise ValidationError("checkpoint", name, reason, "Remove the file to start again.")
        self.started = started

    @property
    def _partial(self) -> Path:
        return Path(f"{self.path}.part")

    @property
    def _fingerprint(self) -> str:
        """Stands for everything that a scan's outcome depends on; no key can be read from it."""
        key = hashlib.sha256(self.options.customer_key).hexdigest() if self.options.customer_key else ""
        options = vars(replace(self.options, customer_key=None))
        whole = [_VERSION, options, key, str(self.path), self.source.identity, *self.place]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    def add(self, done: BatchDone) -> None:
        self.totals.merge(done.totals, self.options.max_findings)
        self._write(done.lines)

    def _write(self, lines: bytes) -> None:
        if not self._file:
            return
        try:
            self._file.write(lines)
        except OSError as error:
            raise _unwritable("path", self._partial, error) from error

    def report(self, scanned: int) -> None:
        """Report and save how far the scan is, when it is time.

        :param scanned: objects that this run has scanned, those too that do not count yet
        """
        now = time.monotonic()
        if now - self._reported >= PROGRESS_EVERY:
            counts = self.totals.counts
            total = max(self._resumed_total + scanned, counts["total"])
            rate = (total - self._reported_total) / (now - self._reported)
            faults = f"{counts['non_compliant']:,} non-compliant, {counts['not_evaluated']:,} not evaluated"
            self.progress(f"{total:,} objects, {rate:,.0f} a second, {faults}; {self.source.remaining}")
            self._reported, self._reported_total = now, total
        if now - self._saved >= CHECKPOINT_EVERY:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, in one step."""
        if not self.checkpoint:
            return
        size = self._flush()
        saved = {
            "fingerprint": self._fingerprint,
            "source": self.source.state(),
            "totals": asdict(self.totals),
            "seconds": self.seconds,
            "started_at": self.started.isoformat(),
            "size": size,
        }
        draft = Path(f"{self.checkpoint}.new")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(saved, file)
            draft.replace(self.checkpoint)
        except OSError as error:
            raise _unwritable("checkpoint", self.checkpoint, error) from error
        self._saved = time.monotonic()

    def _flush(self) -> int:
        """Bring the list onto the disk; its size."""
        if not self._file:
            return 0
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file.tell()
        except OSError as error:
            raise _unwritable("path", self._partial, error) from error

    def close(self) -> None:
        """End this run, and let another one write the list."""
        if self._file:
            self._file.close()

    def finish(self) -> None:
        """The scan is complete."""
        if self._file:
            self._flush()
            self.close()
            self._partial.replace(t.cast("Path", self.path))
        if self.checkpoint:
            self.checkpoint.unlink(missing_ok=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start


def _refuse_no_file(option: str, path: Path | None) -> None:
    if path is None:
        return
    try:
        is_other, has_place = path.exists() and not path.is_file(), path.parent.is_dir()
    except OSError as error:
        raise _unwritable(option, path, error) from error
    if is_other or not has_place:
        reason = "is not a file" if is_other else "cannot be written: its directory does not exist"
        raise ValidationError(option, str(path), reason, "Name a file in a directory that exists.")


def _unwritable(option: str, path: Path, error: OSError) -> CofferError:
    remediation = "Make room or correct its permissions, and run again: with a checkpoint it resumes there."
    return ValidationError(option, str(path), f"cannot be written ({error.strerror})", remediation)
