"""Signing with a person's own SSH key: ``ssh-keygen -Y sign``, which asks for passphrases itself, or their agent.

Private keys never come near us: ``ssh-keygen`` reads the file or asks the agent, and what comes back is a signature.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sakimori.core import InputError, plain


def sign_with_file(message: bytes, key: Path, *, namespace: str) -> str:
    """A signature (armored SSHSIG) made with a private key, or with the agent's, where the file is a public one.

    Raises:
        InputError: ``ssh-keygen`` is absent, or cannot sign with it.
    """
    return _sign(message, ["-f", str(key)], namespace, what=str(key))


def sign_with_agent(message: bytes, keys: Sequence[str], *, namespace: str) -> str:
    """A signature made by the ssh-agent, with the first of these public keys (OpenSSH form) that it holds.

    Raises:
        InputError: ``ssh-keygen`` is absent, no agent runs, or it holds none of them.
    """
    reasons: list[str] = []
    with tempfile.TemporaryDirectory(prefix="sakimori-") as folder:
        public = Path(folder) / "key.pub"
        for key in keys:
            public.write_text(f"{key}\n", encoding="ascii")
            try:
                return _sign(message, ["-U", "-f", str(public)], namespace, what="the ssh-agent")
            except InputError as error:
                reasons.append(str(error))
    why = f" ({reasons[-1]})" if reasons else ""
    raise InputError(f"the ssh-agent holds none of the {len(keys)} registered keys: `ssh-add` one, or --key FILE{why}")


def _sign(message: bytes, which: Sequence[str], namespace: str, *, what: str) -> str:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise InputError("ssh-keygen is not installed: install OpenSSH's client, or sign elsewhere (--signed FILE)")
    # The program asks for a passphrase on the terminal itself, not through us.
    made = subprocess.run([program, "-Y", "sign", "-n", namespace, *which], input=message, capture_output=True)
    if made.returncode != 0:
        said = plain(" ".join(made.stderr.decode("utf-8", "replace").split()))[:300]
        raise InputError(f"{what} did not sign: {said}")
    return made.stdout.decode("ascii", "replace")
