from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from hedgerow.errors import (
    EvidenceSupportMissing,
    ObjectExists,
    ObjectMissing,
    SettingsError,
    VaultUnavailable,
)
from hedgerow.evidence.vaults import LocalVault, Vault, new_name, open_vault
from hedgerow.settings import EvidenceSettings, load_settings
from hedgerow.testing import VaultConformance

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2


class TestLocalVault(VaultConformance):
    objects_listed = 200

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "vault"

    def vault(self) -> Vault:
        return LocalVault(self.folder)


class TestS3Vault(VaultConformance):
    objects_listed = 60

    @pytest.fixture(autouse=True)
    def _bucket(self, s3_settings: EvidenceSettings) -> None:
        self.settings = s3_settings

    def vault(self) -> Vault:
        from hedgerow.evidence.vaults.s3 import S3Vault  # noqa: PLC0415  (after the check that obstore is there)

        return S3Vault.of(self.settings)


@pytest.mark.slow
class TestS3VaultWithMoreThanOneAnswerHolds(TestS3Vault):
    objects_listed = 1_100


# ── the vault in a folder ────────────────────────────────────────────────────────────────────────────────────────


def _local(tmp_path: Path) -> tuple[LocalVault, Path]:
    return LocalVault(tmp_path / "vault"), tmp_path / "vault"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_its_folders_and_files_are_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    vault, folder = _local(tmp_path)
    seen: list[int] = []

    def chunks() -> Iterator[bytes]:
        yield b"one"
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in (folder / "incoming").iterdir())

    before = os.umask(umask)
    try:
        if umask == 0o277 and os.geteuid() != 0:
            pytest.skip("only root writes through that umask")
        vault.put(NAME, chunks())
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} | set(seen)
    assert modes == {0o600 & ~umask}
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700 & ~umask}


def test_what_a_dead_put_left_is_swept_by_its_age(tmp_path: Path) -> None:
    vault, folder = _local(tmp_path)
    vault.put(NAME, [b"one"])
    left = folder / "incoming" / f"{OTHER}.0123456789abcdef.part"
    left.write_bytes(b"half")
    now = datetime.now(UTC)
    os.utime(left, (now.timestamp() - 3_600,) * 2)
    assert vault.sweep(now - timedelta(hours=2)) == 0
    assert left.exists()
    assert vault.sweep(now - timedelta(minutes=30)) == 1
    assert not left.exists()
    assert b"".join(vault.read(NAME)) == b"one"


def test_deleting_takes_what_dead_puts_of_the_name_left(tmp_path: Path) -> None:
    vault, folder = _local(tmp_path)
    vault.put(NAME, [b"one"])
    for name in (NAME, OTHER):
        (folder / "incoming" / f"{name}.0123456789abcdef.part").write_bytes(b"half")
    vault.delete(NAME)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [f"{OTHER}.0123456789abcdef.part"]


def test_strange_files_in_its_folder_are_no_objects(tmp_path: Path) -> None:
    vault, folder = _local(tmp_path)
    vault.put(NAME, [b"one"])
    (folder / "README").write_text("what?")
    (folder / NAME[:2] / "README").write_text("what?")
    (folder / NAME[:2] / OTHER).write_text("in another's folder")
    assert [each.name for each in vault.stored()] == [NAME]


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, folder = _local(tmp_path)
    vault.put(NAME, [b"one"])
    done: list[str] = []
    fsync, link = os.fsync, os.link

    def traced_fsync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(folder).parts[0]}")
        fsync(descriptor)

    def traced_link(*arguments: Any) -> None:
        done.append("link")
        link(*arguments)

    if not Path("/proc/self/fd").exists():
        pytest.skip("NO /proc: this test checked NOTHING.")
    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "link", traced_link)
    vault.put("01" + OTHER[2:], [b"two"])
    assert done == ["sync incoming", "link", "sync 01"]
    vault.delete(NAME)
    assert done[3:] == ["sync 01"]


def test_a_full_disk_is_said_in_the_systems_words(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from hedgerow.errors import VaultUnavailable
from hedgerow.evidence.vaults import LocalVault
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
vault = LocalVault(Path({str(tmp_path)!r}))
try:
    vault.put({NAME!r}, [bytes(70_000)] * 3)
except VaultUnavailable as error:
    print(error)
print([path.name for path in Path({str(tmp_path)!r}).rglob("*") if path.is_file()])
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.splitlines() == ["The vault cannot be used: File too large.", "[]"]


def test_a_folder_that_is_a_file_is_no_vault(tmp_path: Path) -> None:
    (tmp_path / "vault").write_text("a file")
    vault, _ = _local(tmp_path)
    with pytest.raises(VaultUnavailable):
        vault.put(NAME, [b"one"])
    with pytest.raises(VaultUnavailable):
        list(vault.stored())
    with pytest.raises(VaultUnavailable):
        vault.size(NAME)


def test_a_vault_that_nobody_used_yet_leaves_no_folder(tmp_path: Path) -> None:
    vault, folder = _local(tmp_path)
    assert list(vault.stored()) == []
    assert vault.sweep(datetime.now(UTC)) == 0
    vault.delete(NAME)
    with pytest.raises(ObjectMissing):
        vault.read(NAME)
    assert not folder.exists()


_PUTTER = """
import sys
from pathlib import Path
from hedgerow.errors import ObjectExists
from hedgerow.evidence.vaults import LocalVault
content = sys.argv[3].encode() * 200_000
print("ready", flush=True)
for line in sys.stdin:
    try:
        LocalVault(Path(sys.argv[1])).put(line.strip(), [content])
        print("won", flush=True)
    except ObjectExists:
        print("lost", flush=True)
"""


def test_of_two_processes_that_put_one_name_exactly_one_wins(tmp_path: Path) -> None:
    def start(word: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _PUTTER, str(tmp_path), "-", word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    processes = [start("one"), start("two")]
    try:
        assert [_line(each) for each in processes] == ["ready", "ready"]
        for round_ in range(30):
            name = f"{round_:032x}"
            for each in processes:
                assert each.stdin is not None
                each.stdin.write(f"{name}\n")
                each.stdin.flush()
            answers = [_line(each) for each in processes]
            assert sorted(answers) == ["lost", "won"]
            winner = (b"one", b"two")[answers.index("won")]
            assert b"".join(LocalVault(tmp_path).read(name)) == winner * 200_000
    finally:
        for each in processes:
            each.kill()
            each.communicate()
    assert list((tmp_path / "incoming").iterdir()) == []


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# ── the vault in an object store ─────────────────────────────────────────────────────────────────────────────────


def _s3(settings: EvidenceSettings, **changes: Any) -> Any:
    from hedgerow.evidence.vaults.s3 import S3Vault  # noqa: PLC0415  (after the check that obstore is there)

    return S3Vault.of(settings.model_copy(update=changes))


def test_objects_lie_under_the_prefix_and_vaults_beside_each_other_do_not_meet(
    s3_settings: EvidenceSettings, object_store: Any, bucket: str
) -> None:
    one, other = _s3(s3_settings), _s3(s3_settings, vault=f"s3://{bucket}/vault-two/")
    bare = _s3(s3_settings, vault=f"s3://{bucket}")
    one.put(NAME, [b"one"])
    with pytest.raises(ObjectMissing):
        other.read(NAME)
    other.put(NAME, [b"other"])
    assert [b"".join(each.read(NAME)) for each in (one, other)] == [b"one", b"other"]
    assert [each.name for each in one.stored()] == [NAME]
    assert list(bare.stored()) == []
    keys = {each["Key"] for each in object_store.client().list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {f"vault/{NAME}", f"vault-two/{NAME}"}


def test_a_claim_that_a_dead_put_left_is_no_object_and_is_swept(
    s3_settings: EvidenceSettings, object_store: Any, bucket: str
) -> None:
    vault = _s3(s3_settings)
    vault.put(OTHER, [b"other"])
    object_store.client().put_object(Bucket=bucket, Key=f"vault/{NAME}", Body=b"")
    with pytest.raises(ObjectMissing):
        vault.read(NAME)
    with pytest.raises(ObjectExists):
        vault.put(NAME, [b"late"])
    assert [each.name for each in vault.stored()] == [OTHER]
    assert vault.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert vault.sweep(datetime.now(UTC) + timedelta(minutes=1)) == 1
    vault.put(NAME, [b"again"])
    assert b"".join(vault.read(NAME)) == b"again"


def test_an_upload_whose_source_fails_leaves_no_parts_behind(
    s3_settings: EvidenceSettings, object_store: Any, bucket: str
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(1024**2)
        raise KeyError("the source")

    with pytest.raises(KeyError):
        _s3(s3_settings).put(NAME, chunks())
    client = object_store.client()
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


def test_an_upload_that_the_store_fails_ends_and_is_said(
    s3_settings: EvidenceSettings, object_store: Any, bucket: str
) -> None:
    client = object_store.client()

    def chunks() -> Iterator[bytes]:
        for number in range(120):
            if number == 20:
                client.delete_object(Bucket=bucket, Key=f"vault/{NAME}")
                client.delete_bucket(Bucket=bucket)
            yield bytes(1024**2)

    with pytest.raises(VaultUnavailable):
        _s3(s3_settings).put(NAME, chunks())


def test_a_store_without_conditional_writes_is_asked_beforehand(s3_settings: EvidenceSettings) -> None:
    vault = _s3(s3_settings, s3_conditional=False)
    vault.put(NAME, [b"one"])
    vault.put(OTHER, [bytes(9 * 1024**2)])
    for name in (NAME, OTHER):
        with pytest.raises(ObjectExists):
            vault.put(name, [b"two"])
    assert b"".join(vault.read(NAME)) == b"one"


def test_a_store_that_cannot_be_used_is_said_without_its_address_or_keys(s3_settings: EvidenceSettings) -> None:
    secret = SecretStr("KEEPTHISTOYOURSELF")
    gone = _s3(s3_settings, s3_endpoint="http://127.0.0.1:1", s3_secret_key=secret, s3_wait_s=1.0)
    nowhere = _s3(s3_settings, vault="s3://no-such-bucket/vault", s3_secret_key=secret)
    for vault in (gone, nowhere):
        for ask in (lambda: vault.put(NAME, [b"one"]), lambda: list(vault.stored())):  # noqa: B023  (called within the round)
            with pytest.raises(VaultUnavailable) as caught:
                ask()
            shown = f"{caught.value} {caught.value.__cause__} {vault!r} {vault.__dict__}"
            assert not any(word in shown for word in ("127.0.0.1", "no-such-bucket/", "KEEPTHIS", "http://"))
    with pytest.raises(VaultUnavailable, match="no such bucket"):
        nowhere.put(NAME, [b"one"])


def test_without_obstore_the_vault_in_a_folder_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    assert open_vault(load_settings(data=tmp_path)).put(NAME, [b"one"]) == 3
    with pytest.raises(EvidenceSupportMissing, match=r"hedgerow\[s3\]"):
        open_vault(load_settings(data=tmp_path, evidence={"vault": "s3://bucket/prefix"}))


# ── which vault ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stated", "where"),
    [
        (None, "data/vault"),
        ("file:safe", "data/safe"),
        ("file:../safe", "data/../safe"),
        ("file:/mnt/safe", "/mnt/safe"),
        ("file:///mnt/safe", "/mnt/safe"),
    ],
)
def test_the_setting_names_a_folder(stated: str | None, where: str) -> None:
    vault = open_vault(load_settings(data=Path("data"), evidence={"vault": stated}))
    assert repr(vault) == f"LocalVault({where!r})"


def test_the_setting_names_a_place_in_an_object_store(s3_settings: EvidenceSettings, tmp_path: Path) -> None:
    vault = open_vault(load_settings(data=tmp_path, evidence=s3_settings))
    vault.put(NAME, [b"one"])
    assert b"".join(_s3(s3_settings).read(NAME)) == b"one"


def test_the_environment_names_a_place_and_its_login_in_our_words_or_in_amazons(
    object_store: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEDGEROW_EVIDENCE_VAULT", f"s3://{bucket}/vault")
    monkeypatch.setenv("HEDGEROW_EVIDENCE_S3_ENDPOINT", object_store.endpoint)
    monkeypatch.setenv("HEDGEROW_EVIDENCE_S3_ACCESS_KEY", object_store.access_key)
    monkeypatch.setenv("HEDGEROW_EVIDENCE_S3_SECRET_KEY", object_store.secret_key)
    open_vault(load_settings(data=tmp_path)).put(NAME, [b"one"])
    monkeypatch.delenv("HEDGEROW_EVIDENCE_S3_ACCESS_KEY")
    monkeypatch.delenv("HEDGEROW_EVIDENCE_S3_SECRET_KEY")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.secret_key)
    assert b"".join(open_vault(load_settings(data=tmp_path)).read(NAME)) == b"one"


@pytest.mark.parametrize("stated", ["vault", "file:", "s3:bucket", "s3://", "s3:///prefix", "ftp://x/y", ""])
def test_what_names_no_vault_is_refused(stated: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load_settings(data=tmp_path, evidence={"vault": stated})


def test_half_a_login_and_an_endpoint_of_another_scheme_are_refused(tmp_path: Path) -> None:
    for wrong in ({"s3_access_key": "one"}, {"s3_secret_key": "one"}, {"s3_endpoint": "storage.example.org"}):
        with pytest.raises(SettingsError):
            load_settings(data=tmp_path, evidence=wrong)


def test_settings_never_show_their_secrets(s3_settings: EvidenceSettings, tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, evidence={**s3_settings.model_dump(), "review_key": "c2VjcmV0"})
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "not-a-secret" not in shown
    assert "c2VjcmV0" not in shown


def test_names_are_drawn_anew_each_time() -> None:
    assert len({new_name() for _ in range(1_000)}) == 1_000
