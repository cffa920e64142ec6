"""/api/v1/openapi.yaml: it describes the routes that there are, what they take and answer."""
import json
import re
import unittest

import harness

FLAGS = ["--web.enable-remote-write-receiver", "--web.enable-admin-api",
         "--web.enable-push-gateway", "--web.enable-otlp-receiver"]
PAGE = """\
# TYPE read_bytes counter
# UNIT read_bytes bytes
read_bytes_total{code="200"} 7 # {trace_id="a"} 1
# EOF
"""
CONFIG = """\
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: page
    static_configs: [{targets: ['ADDRESS', 'gone:1']}]
    relabel_configs:
      - {source_labels: [__address__], regex: gone.*, action: drop}
"""
NAMES = {"name": "code", "scrapePool": "page", "labels": '{"a":"b"}', "query": "read_bytes_total",
         "match[]": "read_bytes_total", "label": "code", "step": "15", "stats": "true"}


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        page = cls.enterClassContext(harness.PageServer({
            "/metrics": (PAGE, "application/openmetrics-text; version=1.0.0")}))
        cls.server = cls.enterClassContext(
            harness.Prom5(FLAGS, config=CONFIG.replace("ADDRESS", page.address)))
        cls.server.wait_for_value('read_bytes_total{code="200"}', 7)
        cls.document = json.loads(cls.server.get("/api/v5/openapi.json")[2])
        cls.paths = {path: item for path, item in cls.document["paths"].items()
                     if path.startswith("/api/v1/")}

    def resolve(self, node):
        while "$ref" in node:
            place = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            node = place
        return node

    def operations(self, *methods):
        for path, item in self.paths.items():
            for method, operation in item.items():
                if method in methods:
                    yield path, method, operation

    def parameters(self, path, operation):
        own = [self.resolve(p) for p in operation.get("parameters", [])]
        return self.paths[path].get("parameters", []) + own

    # The document

    def test_every_route_is_described(self):
        methods = ("get", "post", "put", "delete")
        self.assertGreater(len(list(self.operations(*methods))), 40)
        for path, method, operation in self.operations(*methods):
            self.assertIn("operationId", operation, f"{method} {path}")

    def test_the_yaml_has_the_same_paths(self):
        status, headers, body = self.server.get("/api/v1/openapi.yaml")
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "application/yaml; charset=utf-8"))
        text = body.decode()
        self.assertTrue(text.startswith('openapi: "3.1.0"\n'), text[:100])
        paths = text.split("\npaths:\n")[1].split("\ncomponents:\n")[0]
        self.assertEqual({"/api/v1" + path for path in
                          re.findall(r'^  "?(/[^"\s]*)"?:$', paths, re.MULTILINE)},
                         set(self.paths))
        newer = self.server.get("/api/v1/openapi.yaml?openapi_version=3.2")[2].decode()
        self.assertEqual(newer, text.replace('"3.1.0"', '"3.2.0"', 1))

    # What is told is so

    def path_of(self, path, operation, **changes):
        """With a good value for each parameter that must be there."""
        wanted = {}
        for parameter in self.parameters(path, operation):
            name = parameter["name"]
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", NAMES[name])
            elif parameter.get("required"):
                now = harness.now_ms() / 1000
                wanted[name] = {"start": now - 60, "end": now}.get(name) or NAMES[name]
        return self.server.api_path(path, {**wanted, **changes})

    def check(self, schema, value, where):
        """Each part of the value is described, and is what it is described to be."""
        schema = self.resolve(schema)
        if "allOf" in schema:
            known = {}
            for part in schema["allOf"]:
                known.update(self.resolve(part).get("properties", {}))
            schema = {"type": "object", "properties": known}
        if "oneOf" in schema:
            return self.check_one(schema["oneOf"], value, where)
        if "enum" in schema:
            self.assertIn(value, schema["enum"], where)
        if "const" in schema:
            self.assertEqual(value, schema["const"], where)
        kinds = schema.get("type", "object" if "properties" in schema else [])
        for_kind = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
                    "number": (int, float), "null": type(None)}
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds:
            self.assertTrue(any(isinstance(value, for_kind[k]) for k in kinds),
                            f"{where}: {value!r} is no {kinds}")
        if isinstance(value, list):
            for place, item in enumerate(value):
                of_place = schema.get("prefixItems", [])[place:place + 1] or [schema.get("items")]
                if of_place[0]:
                    self.check(of_place[0], item, f"{where}[{place}]")
        if not isinstance(value, dict):
            return None
        self.assertLessEqual(set(schema.get("required", [])), set(value), where)
        rest = schema.get("additionalProperties")
        for name, inner in value.items():
            described = schema.get("properties", {}).get(name, rest)
            if described is None and "properties" not in schema:
                continue  # an object of which nothing is said
            self.assertIsNotNone(described, f"{where}: {name} is not described")
            if described is not True:
                self.check(described, inner, f"{where}.{name}")
        return None

    def check_one(self, schemas, value, where):
        wrong = []
        for schema in schemas:
            try:
                return self.check(schema, value, where)
            except AssertionError as e:
                wrong.append(str(e))
        return self.fail(f"{where}: {wrong}")

    def test_answers_are_as_described(self):
        checked = 0
        for path, _, operation in self.operations("get"):
            content = operation["responses"]["200"].get("content", {})
            if "application/json" not in content:
                continue
            asked = self.path_of(path, operation)
            status, _, body = self.server.get(asked)
            self.assertEqual(status, 200, asked)
            self.check(content["application/json"]["schema"], json.loads(body), asked)
            checked += 1
        self.assertGreater(checked, 25)

    def test_statistics_are_as_described(self):
        for path in ("/api/v1/query", "/api/v1/query_range"):
            operation = self.paths[path]["get"]
            asked = self.path_of(path, operation, stats="all")
            answer = json.loads(self.server.get(asked)[2])
            self.assertIn("stats", answer["data"])
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            self.check(schema, answer, asked)

    def test_a_series_of_a_range_is_as_described(self):
        answer = self.server.api("query_range", query="read_bytes_total", step=15,
                                 start=harness.now_ms() / 1000 - 60, end=harness.now_ms() / 1000)
        self.assertEqual(len(answer["result"]), 1)
        self.check({"$ref": "#/components/schemas/QueryData"}, answer, "query_range")

    def test_what_must_be_there_must_be_there(self):
        tried = 0
        for path, _, operation in self.operations("get"):
            for parameter in self.parameters(path, operation):
                if parameter["in"] != "query" or not parameter.get("required"):
                    continue
                asked = self.path_of(path, operation, **{parameter["name"]: ""})
                self.assertEqual(self.server.get(asked)[0], 400, asked)
                tried += 1
        self.assertGreater(tried, 8)

    def test_parameters_are_read(self):
        """What makes no sense is refused, so each of these names is one that the route reads."""
        tried = 0
        for path, _, operation in self.operations("get"):
            for parameter in self.parameters(path, operation):
                schema = parameter["schema"]
                typed = schema.get("type") in ("integer", "boolean") or "$ref" in schema
                if parameter["in"] != "query" or not typed:
                    continue
                asked = self.path_of(path, operation, **{parameter["name"]: "nonsense"})
                self.assertEqual(self.server.get(asked)[0], 400, asked)
                tried += 1
        self.assertGreater(tried, 30)

    def test_forms_do_as_well(self):
        tried = 0
        for path, _, operation in self.operations("post"):
            content = operation.get("requestBody", {}).get("content", {})
            if "application/x-www-form-urlencoded" not in content:
                continue
            get = self.paths[path]["get"]
            parameters = self.path_of(path, get).partition("?")[2]
            status, _, by_form = self.server.post(
                path, parameters.encode(), {"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(status, 200, path)
            names = {self.resolve(p)["name"] for p in get["parameters"]}
            form = content["application/x-www-form-urlencoded"]["schema"]["properties"]
            self.assertEqual(set(form), names, path)
            self.assertTrue(by_form, path)
            tried += 1
        self.assertEqual(tried, 10)


if __name__ == "__main__":
    unittest.main()
