"""The schemas of http and elasticsearch: the fast checks and jsonschema agree; a fault is told with its path."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from ww.config.sinktypes import accepts, filled, own_schema
from ww.sinks import elasticsearch, http

URL = {"url": "https://h.example.org/v1/events"}
URLS = {"urls": ["http://h.example.org:9200"]}
SECRET: Any = "hidden"

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("http", URL),
    ("http", {"secret_url": SECRET, "mode": "binary", "method": "PUT", "gzip": True}),
    ("http", {**URL, "mode": "template", "template": {"body": {"text": "${data.state}"}}}),
    ("http", {**URL, "mode": "template", "template": {"body": None, "content_type": "text/x", "headers": {"a": "b"}}}),
    ("http", {**URL, "headers": {"a": "b"}, "secret_headers": {"c": SECRET}, "bearer": SECRET, "hmac_key": SECRET}),
    (
        "http",
        {**URL, "tls": {"ca_file": "/a", "cert_file": "/b", "key_file": "/c", "min_version": "1.3", "verify": False}},
    ),
    ("http", {**URL, "basic": {"user": "a", "password": ""}, "proxy": "http://p", "environment_proxies": False}),
    ("elasticsearch", URLS),
    (
        "elasticsearch",
        {**URLS, "rotate": "data_stream", "index": "logs-ww", "pipeline": "p", "api_key": SECRET, "template": False},
    ),
]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("http", {}, ""),
    ("http", {**URL, "secret_url": SECRET}, ""),
    ("http", {"url": "ftp://h"}, "url"),
    ("http", {**URL, "mode": "batched"}, "mode"),
    ("http", {**URL, "mode": "template"}, ""),
    ("http", {**URL, "mode": "template", "template": {}}, "template"),
    ("http", {**URL, "tls": {"ca_file": "relative.pem"}}, "tls.ca_file"),
    ("http", {**URL, "tls": {"min_version": "1.0"}}, "tls.min_version"),
    ("http", {**URL, "tls": {"insecure": True}}, "tls"),
    ("http", {**URL, "basic": {"user": "a"}}, "basic"),
    ("http", {**URL, "gzip": "yes"}, "gzip"),
    ("http", {**URL, "max_answer_bytes": 1}, "max_answer_bytes"),
    ("http", {**URL, "token": "x"}, ""),
    ("elasticsearch", {}, ""),
    ("elasticsearch", {"urls": []}, "urls"),
    ("elasticsearch", {"urls": ["h:9200"]}, "urls.0"),
    ("elasticsearch", {**URLS, "index": "Upper"}, "index"),
    ("elasticsearch", {**URLS, "rotate": "week"}, "rotate"),
    ("elasticsearch", {**URLS, "max_request_bytes": 5}, "max_request_bytes"),
]


@pytest.mark.rule("D-sink-http-settings")
@pytest.mark.parametrize(("name", "settings"), GOOD)
def test_good_settings_are_accepted_both_ways(name: str, settings: dict[str, Any]) -> None:
    schema = own_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(settings)
    assert accepts(name, settings)


@pytest.mark.rule("D-sink-http-settings")
@pytest.mark.parametrize(("name", "settings", "path"), BAD)
def test_bad_ones_are_refused_both_ways_at_their_path(name: str, settings: dict[str, Any], path: str) -> None:
    errors = list(jsonschema.Draft202012Validator(own_schema(name)).iter_errors(settings))
    assert path in {".".join(map(str, error.absolute_path)) for error in errors}
    assert not accepts(name, settings)


@pytest.mark.rule("D-sink-http-settings")
def test_defaults_are_filled_in() -> None:
    full = filled({"type": "http", **URL}, own_schema("http"))
    assert (full["mode"], full["headers"], full["tls"]) == ("batch", {}, {"min_version": "1.2", "verify": True})
    assert "template" not in full
    assert "basic" not in full


@pytest.mark.rule("D-sink-http-footprint")
def test_a_type_is_known_without_its_library() -> None:
    code = "import sys, ww.sinks.http, ww.sinks.elasticsearch; print(*{'requests', 'urllib3', 'ssl', 'http.client'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.strip() == ""
    assert http.TYPE.name == "http"
    assert elasticsearch.TYPE.api == 1


def environment() -> dict[str, str]:
    import os
    from pathlib import Path

    import ww

    return {**os.environ, "PYTHONPATH": str(Path(ww.__file__).parent.parent)}
