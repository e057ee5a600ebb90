"""A stand-in for Elasticsearch and OpenSearch: what the sink uses of them, as strictly as they take it.

It is no search engine, and it is not the real thing: it knows `_bulk` (create and index, one status per item), index
templates, data streams with their backing indices and rollover, types of fields as far as a conflict between two events
goes, credentials, and the limits of a request. The real ones are tried where WW_TEST_ELASTICSEARCH_URL names one.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.receiver import Receiver, Reply, Request

TEMPLATE_KEYS = {
    "index_patterns",
    "template",
    "composed_of",
    "priority",
    "version",
    "_meta",
    "data_stream",
    "allow_auto_create",
}
OWN_TYPES = {"elasticsearch": "flattened", "opensearch": "flat_object"}
TYPES = {"date", "keyword", "text", "long", "double", "boolean", "object"}


class BulkServer(Receiver):
    """Use it as a context; `docs` is what is stored: {index: {id: document}}."""

    def __init__(self, product: str = "elasticsearch", **more: Any) -> None:
        super().__init__(**more)
        self.base = self.url.removesuffix("/v1/events")
        self.product = product
        self.max_content_bytes = 100 << 20
        self.credentials = ""
        """The Authorization header that is asked for; "": none."""
        self.may_manage = True
        """Whether these credentials may read and put templates."""
        self.on_item: Callable[[str, str], tuple[int, str, str] | None] = lambda _index, _id: None
        """(status, type, reason) for an item that is not to be stored."""
        self.pipelines: set[str] = set()
        self.templates: dict[str, dict[str, Any]] = {}
        self.docs: dict[str, dict[str, Any]] = {}
        self._shapes: dict[str, dict[object, dict[str, Any]]] = {}
        """One document of each shape in an index: what a new one may be in conflict with."""
        self.streams: dict[str, list[str]] = {}
        """Data streams with their backing indices, the one that is written to last."""
        self.created: list[str] = []
        """Ids in the order in which they were stored; one that is there twice was stored twice."""

    def rollover(self, stream: str) -> None:
        """Begin a new backing index, as a lifecycle policy does."""
        self.streams[stream].append(f".ds-{stream}-{len(self.streams[stream]) + 1:06d}")

    def take(self, request: Request, wanted: Callable[[dict[str, Any]], bool] = lambda _event: True) -> Reply:
        """One request, as the servers answer it."""
        with self._lock:
            reply = self._refused(request) or self._routed(request)
        if self.product == "elasticsearch":
            reply.headers["X-Elastic-Product"] = "Elasticsearch"
        return reply

    def _refused(self, request: Request) -> Reply | None:
        if len(request.raw) > self.max_content_bytes:
            return Reply(413)
        given = request.headers.get("authorization", "")
        if self.product == "opensearch" and given.startswith("ApiKey "):
            return Reply(401, b"Unauthorized")
        if self.credentials and given != self.credentials:
            return error(401, "security_exception", "missing authentication credentials for REST request")
        kind = request.headers.get("content-type", "").split(";")[0].strip()
        if request.raw and kind not in ("application/json", "application/x-ndjson"):
            return Reply(406, {"error": f"Content-Type header [{kind}] is not supported", "status": 406})
        return None

    def _routed(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        if path == "/":
            return Reply(200, self._root())
        if match := re.fullmatch(r"/_index_template/([^/]+)", path):
            return self._template(request, match[1])
        if match := re.fullmatch(r"(?:/([^/]+))?/_bulk", path):
            return self._bulk(request, match[1] or "")
        return Reply(400, {"error": f"no handler found for uri [{path}] and method [{request.method}]", "status": 400})

    def _root(self) -> dict[str, Any]:
        version = {"number": "8.15.0", "build_flavor": "default"}
        if self.product == "opensearch":
            version = {"distribution": "opensearch", "number": "2.17.0"}
        return {"name": "stand-in", "cluster_name": "tests", "version": version}

    def keep(self, index: str, key: str, document: dict[str, Any]) -> None:
        """Have a document in an index."""
        self.docs.setdefault(index, {})[key] = document
        self._shapes.setdefault(index, {}).setdefault(shape(document), document)

    # -- templates

    def _template(self, request: Request, name: str) -> Reply:
        if not self.may_manage:
            return error(403, "security_exception", "action [indices:admin/index_template/get] is unauthorized")
        if request.method == "GET":
            if name not in self.templates:
                return error(404, "resource_not_found_exception", f"index template matching [{name}] not found")
            return Reply(200, {"index_templates": [{"name": name, "index_template": self.templates[name]}]})
        body = json.loads(request.body)
        fault = self._template_fault(name, body)
        if fault:
            return error(400, "illegal_argument_exception", fault)
        self.templates[name] = body
        return Reply(200, {"acknowledged": True})

    def _template_fault(self, name: str, body: dict[str, Any]) -> str:
        if unknown := set(body) - TEMPLATE_KEYS:
            return f"[index_template] unknown field [{min(unknown)}]"
        if not body.get("index_patterns"):
            return "index patterns are missing"
        for other, there in self.templates.items():
            same = set(there["index_patterns"]) & set(body["index_patterns"])
            if other != name and same and there.get("priority") == body.get("priority"):
                return f"index template [{name}] has index patterns matching patterns from existing templates [{other}]"
        for mapping in types_in(body["template"]["mappings"]["properties"]):
            if mapping not in TYPES | {OWN_TYPES[self.product]}:
                return f"No handler for type [{mapping}] declared on field"
        return ""

    def _template_of(self, index: str) -> dict[str, Any]:
        def matches(pattern: str) -> bool:
            return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), index) is not None

        fitting = [one for one in self.templates.values() if any(map(matches, one["index_patterns"]))]
        return max(fitting, key=lambda one: int(one.get("priority", 0)), default={})

    # -- documents

    def _bulk(self, request: Request, default: str) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        pipeline = query.get("pipeline", [""])[0]
        if pipeline and pipeline not in self.pipelines:
            return error(400, "illegal_argument_exception", f"pipeline with id [{pipeline}] does not exist")
        if not request.body.endswith(b"\n"):
            return error(400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]")
        lines = request.body.split(b"\n")[:-1]
        results = []
        while lines:
            number = len(results)
            try:
                (verb, meta), *rest = json.loads(lines.pop(0)).items()
            except (ValueError, AttributeError):
                rest, verb, meta = [None], "", {}
            if rest or verb not in ("create", "index") or not lines:
                return error(400, "illegal_argument_exception", f"Malformed action/metadata line [{2 * number + 1}]")
            results.append({verb: self._store(verb, meta.get("_index", default), meta["_id"], lines.pop(0))})
        body = {"took": 1, "errors": any("error" in next(iter(one.values())) for one in results), "items": results}
        return Reply(200, filtered(body) if "filter_path" in query else body)

    def _store(self, verb: str, name: str, key: str, source: bytes) -> dict[str, Any]:
        if refused := self.on_item(name, key):
            return item_error(name, key, *refused)
        is_stream = name in self.streams or (name not in self.docs and "data_stream" in self._template_of(name))
        index = self.streams.setdefault(name, [f".ds-{name}-000001"])[-1] if is_stream else name
        stored = self.docs.setdefault(index, {})
        try:
            document = json.loads(source)
        except ValueError:
            return item_error(index, key, 400, "document_parsing_exception", "failed to parse")
        if is_stream and verb != "create":
            words = "only write ops with an op_type of create are allowed in data streams"
            return item_error(index, key, 400, "illegal_argument_exception", words)
        if key in stored and verb == "create":
            words = f"[{key}]: version conflict, document already exists (current version [1])"
            return item_error(index, key, 409, "version_conflict_engine_exception", words)
        if words := unfit(document, self._shapes.get(index, {}).values(), is_stream):
            return item_error(index, key, 400, "document_parsing_exception", words)
        self.keep(index, key, document)
        self.created.append(key)
        shards = {"total": 2, "successful": 1, "failed": 0}
        return {"_index": index, "_id": key, "_version": 1, "result": "created", "_shards": shards, "status": 201}


def basic(user: str, password: str) -> str:
    """The Authorization header of a user."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def error(status: int, kind: str, reason: str) -> Reply:
    """A whole request refused."""
    cause = {"type": kind, "reason": reason}
    return Reply(status, {"error": {"root_cause": [cause], **cause}, "status": status})


def item_error(index: str, key: str, status: int, kind: str, reason: str) -> dict[str, Any]:
    """One document refused."""
    return {"_index": index, "_id": key, "status": status, "error": {"type": kind, "reason": reason, "shard": "0"}}


def filtered(body: dict[str, Any]) -> dict[str, Any]:
    """What filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason leaves."""

    def short(result: dict[str, Any]) -> dict[str, Any]:
        left = {"status": result["status"]}
        if "error" in result:
            left["error"] = {name: result["error"][name] for name in ("type", "reason")}
        return left

    items = [{verb: short(result) for verb, result in one.items()} for one in body["items"]]
    return {"errors": body["errors"], "items": items}


def types_in(properties: dict[str, Any]) -> list[str]:
    """Every type that a mapping names."""
    found = []
    for mapping in properties.values():
        found += [mapping["type"]] if "type" in mapping else []
        found += types_in(mapping.get("properties", {}))
    return found


def unfit(document: dict[str, Any], others: Iterable[dict[str, Any]], is_stream: bool) -> str:
    """Why a document does not fit where the others are."""
    if is_stream and "@timestamp" not in document:
        return "data stream timestamp field [@timestamp] is missing"
    conflict = next((found for other in others if (found := shape_conflict(other, document))), "")
    return (
        f"object mapping for [{conflict}] tried to parse field as object, but found a concrete value"
        if conflict
        else ""
    )


def shape(document: object) -> object:
    """What is the same for documents that are in conflict with the same others."""
    if isinstance(document, dict):
        return tuple(sorted((name, shape(value)) for name, value in document.items()))
    return (document is not None,)


def shape_conflict(one: Any, other: Any, path: str = "") -> str:
    """The path at which one has an object and the other a plain value; "" if there is none. `data.labels` takes anything."""
    if path == "data.labels" or not (isinstance(one, dict) and isinstance(other, dict)):
        return ""
    for name in one.keys() & other.keys():
        here = f"{path}.{name}".strip(".")
        if isinstance(one[name], dict) != isinstance(other[name], dict) and None not in (one[name], other[name]):
            return here
        if deeper := shape_conflict(one[name], other[name], here):
            return deeper
    return ""
