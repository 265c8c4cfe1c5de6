class _Model:
    path: str

class CommonParams:
    model: _Model
    model_alias: set[str]
    hostnames: list[str]
    port: int
    n_ctx: int
    verbosity: int
    ui: bool
    endpoint_slots: bool

class Server:
    listening_address: str
    def __init__(self, params: CommonParams) -> None: ...
