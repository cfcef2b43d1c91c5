"""Signatures with SSH keys, made and checked by OpenSSH (`ssh-keygen -Y`)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from rlx.errors import CommandFailed

PROGRAM = "ssh-keygen"


def sign(text: str, key: Path, namespace: str) -> str:
    """Return the signature of a text.

    Args:
        text: What is signed.
        key: The private key's file, or the public one's where an agent holds it.
        namespace: What the signature is for; it is good for nothing else.

    Raises:
        CommandFailed: OpenSSH is not here, or refused.
    """
    program = _program()
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        path = Path(folder, "text")
        path.write_text(text, encoding="utf-8")
        done = _run([program, "-Y", "sign", "-f", str(key), "-n", namespace, str(path)])
        if done.returncode:
            raise CommandFailed(f"{PROGRAM} could not sign with {key}: {done.stderr.strip()[:200]}")
        return path.with_suffix(".sig").read_text(encoding="utf-8")


def signer_of(text: str, signature: str, signers: Path, namespace: str) -> str | None:
    """Return who signed a text; None where it was nobody known, or is of another text.

    Args:
        text: What should be signed.
        signature: The signature.
        signers: Who is known: a file as ``ssh-keygen`` reads it (``allowed_signers``).
        namespace: What the signature is to be for.

    Raises:
        CommandFailed: OpenSSH is not here.
    """
    program = _program()
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        path = Path(folder, "signature")
        path.write_text(signature, encoding="utf-8")
        found = _run([program, "-Y", "find-principals", "-s", str(path), "-f", str(signers)])
        for name in found.stdout.split() if found.returncode == 0 else ():
            words = [program, "-Y", "verify", "-f", str(signers), "-I", name, "-n", namespace, "-s", str(path)]
            if _run(words, text).returncode == 0:
                return name
    return None


def _program() -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise CommandFailed(f"{PROGRAM} is not installed; OpenSSH brings it")
    return program


def _run(words: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    given = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(words, capture_output=True, text=True, check=False, **given)
