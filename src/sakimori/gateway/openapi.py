"""What the gateway takes, as OpenAPI 3.1: made from the shapes that decide it, so that the two cannot differ."""

from typing import Any

from sakimori.gateway import grants
from sakimori.gateway.endpoints import ENDPOINTS, Endpoint
from sakimori.records import DataClass

_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}
_MODEL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
    },
    "required": ["id", "object", "created", "owned_by"],
}
_MODELS: dict[str, Any] = {
    "type": "object",
    "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}},
    "required": ["object", "data"],
}


def document(version: str) -> dict[str, Any]:
    """``version``: Sakimori's. Paths are beneath the base URL, which ends in ``/v1``."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sakimori gateway", "version": version},
        "servers": [{"url": "/v1"}],
        "security": [{"key": []}],
        "paths": {
            **{f"/{endpoint.path}": {"post": _posted(endpoint)} for endpoint in ENDPOINTS.values()},
            "/models": {"get": _got("listModels", "Models that a grant allows at this moment.", _MODELS)},
            "/models/{model}": {
                "get": {
                    **_got("showModel", "One of them.", _MODEL),
                    "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}],
                }
            },
        },
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _posted(endpoint: Endpoint) -> dict[str, Any]:
    answer: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if endpoint.stream is not None:
        answer["text/event-stream"] = {}
    return {
        "operationId": endpoint.path.replace("/", "_"),
        "parameters": [
            {"name": grants.PURPOSE_HEADER, "in": "header", "schema": {"type": "string"}},
            {"name": grants.DATA_CLASS_HEADER, "in": "header", "schema": {"enum": list(DataClass)}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": endpoint.shape.schema()}}},
        "responses": _responses("The answer, as OpenAI shapes it.", answer),
    }


def _got(name: str, what: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "responses": _responses(what, {"application/json": {"schema": schema}})}


def _responses(what: str, content: dict[str, Any]) -> dict[str, Any]:
    id = {"x-request-id": {"description": "Under which the ledger knows the call.", "schema": {"type": "string"}}}
    error = {"content": {"application/json": {"schema": _ERROR}}, "headers": id}
    return {
        "200": {"description": what, "content": content, "headers": id},
        "4XX": {"description": "Refused: docs/gateway.md lists the codes.", **error},
        "5XX": {"description": "The provider or the gateway failed.", **error},
    }
