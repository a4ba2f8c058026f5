"""The format of a backup: one tar.gz with ``manifest.json`` and a copy of the database, and nothing else.

The manifest says which engine and which migrations the copy is of, the digest of the copy, and the fingerprints of the
keys it was written under. The keys themselves are never in it: whoever gets hold of an archive can neither sign tokens
nor read TOTP seeds, and cannot tell whose text an erasable digest of the trail was.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1024 * 1024


class BadArchive(Exception):
    """The file is no backup, or not a whole one; the sentence says which."""


@dataclass(frozen=True)
class Manifest:
    """What an archive is of. copy: the name of the database's copy inside; digest: its SHA-256."""

    engine: str
    made_at: str
    copy: str
    digest: str
    migrations: dict[str, list[str]]
    fingerprints: dict[str, str]
    format: int = FORMAT


def pack(target: Path, copy: Path, manifest: Manifest, *, now: datetime) -> None:
    """Write the archive, readable by its owner alone. It is there whole or not at all, and never in place of another.

    Raises FileExistsError.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                text = json.dumps(asdict(manifest), indent=2).encode()
                tar.addfile(_member(MANIFEST, len(text), now), io.BytesIO(text))
                with copy.open("rb") as data:
                    tar.addfile(_member(manifest.copy, copy.stat().st_size, now), data)
            file.flush()
            os.fsync(file.fileno())
        target.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)


def _member(name: str, size: int, now: datetime) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o600
    member.mtime = int(now.timestamp())
    return member


def read_manifest(archive: Path) -> Manifest:
    """Return what the archive says it is. Raises BadArchive."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = tar.getmember(MANIFEST)
            file = tar.extractfile(member) if member.isfile() and member.size <= LARGEST_MANIFEST else None
            told: Any = json.loads(file.read()) if file else None
            return _manifest_of(told)
    except FileNotFoundError as error:
        raise BadArchive(f"There is no file {archive}.") from error
    except (tarfile.TarError, KeyError, TypeError, ValueError, EOFError, OSError) as error:
        raise BadArchive(f"{archive} is not a backup of Mandate, or is damaged.") from error


def _manifest_of(told: Any) -> Manifest:
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ValueError("another format")
    manifest = Manifest(**told)
    texts = (manifest.engine, manifest.made_at, manifest.copy, manifest.digest)
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.migrations, dict):
        raise TypeError("another shape")
    return manifest


def unpack(archive: Path, manifest: Manifest, target: Path) -> None:
    """Write the copy of the database to ``target``. Raises BadArchive when it is not, byte for byte, what was packed."""
    digest = ""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            # By its name alone, and to a path of ours: nothing in an archive chooses where it is written.
            source = tar.extractfile(tar.getmember(manifest.copy))
            if source is not None:
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    shutil.copyfileobj(source, file)
                    file.flush()
                    os.fsync(file.fileno())
                digest = digest_of(target)
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        target.unlink(missing_ok=True)
        raise BadArchive(f"{archive} is damaged ({error}).") from error
    if digest != manifest.digest:
        target.unlink(missing_ok=True)
        raise BadArchive(f"{archive} is damaged: its copy of the database is not the one that was packed.")


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
