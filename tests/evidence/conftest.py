"""Fixtures of the evidence room: an object store, and both kinds of vault."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydantic import SecretStr

from hedgerow.settings import EvidenceSettings, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hedgerow.evidence.vaults import Vault


class ObjectStore(NamedTuple):
    """A server that speaks S3, and what to log in with."""

    endpoint: str
    access_key: str
    secret_key: str

    def client(self) -> Any:
        """Return Amazon's own client, which sees what ours does not ask for."""
        import boto3  # noqa: PLC0415  (slow to load)

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )

    def settings(self, bucket: str, prefix: str = "vault") -> EvidenceSettings:
        return EvidenceSettings(
            vault=f"s3://{bucket}/{prefix}",
            s3_endpoint=self.endpoint,
            s3_region="us-east-1",
            s3_access_key=SecretStr(self.access_key),
            s3_secret_key=SecretStr(self.secret_key),
        )


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """Give an object store: HEDGEROW_TEST_S3 with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else moto's server."""
    for package, extra in (("obstore", "s3"), ("boto3", "dev")):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"NO {package.upper()}: this test checked NOTHING of object stores. Install hedgerow[{extra}].")
    stated = os.environ.get("HEDGEROW_TEST_S3")
    if stated:
        yield ObjectStore(stated, os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        return
    if importlib.util.find_spec("moto") is None:
        pytest.skip(
            "NO OBJECT STORE: this test checked NOTHING of them. Install hedgerow[dev], or set HEDGEROW_TEST_S3 to the "
            "address of a server where buckets may be made."
        )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        yield ObjectStore(f"http://127.0.0.1:{port}", "tester", "not-a-secret")
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("moto's server did not start")


@pytest.fixture
def bucket(object_store: ObjectStore) -> str:
    """Give an empty bucket of the store."""
    name = f"hedgerow-{uuid.uuid4().hex}"
    object_store.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3_settings(object_store: ObjectStore, bucket: str) -> EvidenceSettings:
    """Give the settings of a vault in an empty bucket."""
    return object_store.settings(bucket)


@pytest.fixture(params=["local", "s3"])
def vault_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Give settings with an empty vault, of each kind."""
    data = tmp_path / "vault-data"
    if request.param == "local":
        return load_settings(data=data)
    settings: EvidenceSettings = request.getfixturevalue("s3_settings")
    return load_settings(data=data, evidence=settings)


@pytest.fixture
def vault(vault_settings: Settings) -> Vault:
    """Give an empty vault of each kind."""
    from hedgerow.evidence.vaults import open_vault  # noqa: PLC0415  (after the check that obstore is there)

    return open_vault(vault_settings)
