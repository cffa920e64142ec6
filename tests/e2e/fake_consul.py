"""A fake of Consul's HTTP API: the catalog, health, and who the agent is.

Follows https://developer.hashicorp.com/consul/api-docs (catalog, health, features/blocking,
features/filtering, features/consistency):

- /v1/agent/self, /v1/catalog/services, /v1/health/service/NAME, /v1/status/leader;
- blocking queries: with ?index=N the answer waits until X-Consul-Index is beyond N, at most
  ?wait= (5 minutes without) and a sixteenth of it more;
- ?dc, ?ns and ?partition (of Consul Enterprise), ?tag (many), ?passing, ?node-meta, ?stale,
  ?filter; X-Consul-Token, "Authorization: Bearer" or ?token.

    with FakeConsul() as consul:
        consul.node("n1", "127.0.2.1", meta={"rack": "a"})
        consul.service("n1", "web", port=80, tags=["v1"])
        consul.check("n1", "web", "critical")
        consul.remove("n1", "web")
        consul.failing = 500                # every request fails; None: works again
"""
import re
import time
import uuid

import discovery

DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS = 300.0, 600.0
SELECTOR_OPERATORS = r"==|!=|not\s+in\b|in\b|not\s+contains\b|contains\b|not\s+matches\b" \
                     r"|matches\b|is\s+not\s+empty\b|is\s+empty\b"


class Refused(Exception):
    """An answer that is an error in plain text."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


# ------------------------------------------------------------------------------ filter expressions

class Filter:
    """A boolean expression over the fields of an answer, as github.com/hashicorp/go-bexpr has it.

    Examples: ServiceName == web; "v1" in Service.Tags and Node.Meta.rack != `a`;
    not (Service.Port matches "^80") or Checks is empty
    """

    _TOKEN = re.compile(r'\s*(?:(\(|\))|(' + SELECTOR_OPERATORS + r')|"((?:[^"\\]|\\.)*)"'
                        r'|`([^`]*)`|([^\s()"`=!]+))')

    def __init__(self, text):
        self._tokens, at = [], 0
        text = text.strip()
        while at < len(text):
            match = self._TOKEN.match(text, at)
            if not match:
                self._fail(text[at:])
            at = match.end()
            paren, operator, quoted, raw, word = match.groups()
            if paren:
                self._tokens.append((paren, paren))
            elif operator:
                self._tokens.append(("operator", re.sub(r"\s+", " ", operator)))
            elif word in ("and", "or", "not"):
                self._tokens.append((word, word))
            else:
                value = next(v for v in (quoted, raw, word) if v is not None)
                self._tokens.append(("value", value))
        self._tokens.append(("end", ""))
        self._at = 0
        self.matches = self._or()
        if self._peek() != "end":
            self._fail(self._tokens[self._at][1])

    @staticmethod
    def _fail(near):
        raise Refused(400, f"Failed to create boolean expression evaluator: no match found near "
                           f"{near!r}")

    def _peek(self):
        return self._tokens[self._at][0]

    def _take(self, kind):
        if self._peek() != kind:
            self._fail(self._tokens[self._at][1])
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _or(self):
        sides = [self._and()]
        while self._peek() == "or":
            self._at += 1
            sides.append(self._and())
        return lambda item: any(side(item) for side in sides)

    def _and(self):
        sides = [self._not()]
        while self._peek() == "and":
            self._at += 1
            sides.append(self._not())
        return lambda item: all(side(item) for side in sides)

    def _not(self):
        if self._peek() == "not":
            self._at += 1
            inner = self._not()
            return lambda item: not inner(item)
        if self._peek() == "(":
            self._at += 1
            inner = self._or()
            self._take(")")
            return inner
        return self._comparison()

    def _comparison(self):
        left = self._take("value")
        operator = self._take("operator")
        if operator.endswith("empty"):
            return lambda item: any(not v for v in select(item, left)) != ("not" in operator)
        right = self._take("value")
        if operator in ("in", "not in"):  # VALUE in SELECTOR
            left, right, operator = right, left, operator.replace("in", "contains")

        def compare(item):
            found = select(item, left)
            if operator in ("==", "!="):
                yes = any(str(v) == right for v in found)
            elif "matches" in operator:
                yes = any(re.search(right, str(v)) for v in found)
            else:
                yes = any(right in v for v in found)
            return yes != (operator.startswith("not") or operator == "!=")

        return compare


def select(item, path):
    """All values at a dotted path; a list on the way stands for each of its elements."""
    found = [item]
    for name in path.split("."):
        found = [inner for outer in found
                 for inner in (outer if isinstance(outer, list) else [outer])]
        if not all(isinstance(f, dict) for f in found):
            raise Refused(400, f"Selector {path!r} is not valid")
        found = [f[name] for f in found if name in f]
    return found


# ------------------------------------------------------------------------------------- the servers

class FakeConsul(discovery.Fake):
    """A Consul agent with its cluster.

    token:      the token to demand. Without one the answers are empty, with a wrong one 403.
    prefix:     of all paths, as behind a proxy.
    enterprise: whether namespaces and partitions are known.
    """

    def __init__(self, datacenter="dc1", token=None, prefix="", enterprise=False, **options):
        super().__init__(**options)
        self.datacenter, self.token, self.prefix = datacenter, token, prefix
        self.enterprise = enterprise
        self.failing = None
        self.index = 10
        self._datacenters = {datacenter}
        self._nodes = {}  # (dc, name): node
        self._services = {}  # (dc, node, id): service
        self._checks = {}  # (dc, node, check id): check
        self._service_index = {}  # (dc, ns, partition, name): index of its last change

    # Changes by the test

    def node(self, name, address, meta=None, tagged=None, dc=None):
        dc = dc or self.datacenter
        with self.changed:
            self._datacenters.add(dc)
            self._nodes[dc, name] = {
                "ID": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), "Node": name, "Address": address,
                "Datacenter": dc, "Meta": meta or {}, "TaggedAddresses": tagged or {
                    "lan": address, "lan_ipv4": address, "wan": address, "wan_ipv4": address}}
            for key, service in self._services.items():
                if key[:2] == (dc, name):
                    self._touch(dc, service)
            self._bump()

    def service(self, node, name, port=0, address="", tags=(), meta=None, id_=None, dc=None,
                namespace="default", partition="default"):
        """Registers an instance of a service at a node; again with the same id: replaces it."""
        dc = dc or self.datacenter
        with self.changed:
            assert (dc, node) in self._nodes, f"no node {node} in {dc}"
            service = {"ID": id_ or name, "Service": name, "Tags": list(tags), "Address": address,
                       "Meta": meta or {}, "Port": port, "Weights": {"Passing": 1, "Warning": 1},
                       "EnableTagOverride": False}
            if self.enterprise:
                service |= {"Namespace": namespace, "Partition": partition}
            self._services[dc, node, service["ID"]] = service
            self._touch(dc, service)
            self._bump()

    def check(self, node, service_id, status, name="check", dc=None):
        """Sets the status of a check; service_id "": of the node. A name which begins with
        "_service_maintenance:" or "_node_maintenance" is one of maintenance."""
        dc = dc or self.datacenter
        with self.changed:
            service = self._services.get((dc, node, service_id), {})
            check_id = name if name.startswith("_") else f"{name}:{service_id or node}"
            self._checks[dc, node, check_id] = {
                "Node": node, "CheckID": check_id, "Name": name, "Status": status, "Output": "",
                "ServiceID": service_id, "ServiceName": service.get("Service", ""),
                "ServiceTags": service.get("Tags", [])}
            for key, other in self._services.items():
                if key[:2] == (dc, node) and service_id in ("", key[2]):
                    self._touch(dc, other)
            self._bump()

    def remove(self, node, service_id, dc=None):
        """Deregisters an instance."""
        dc = dc or self.datacenter
        with self.changed:
            self._touch(dc, self._services.pop((dc, node, service_id)))
            for key in [k for k, c in self._checks.items()
                        if k[:2] == (dc, node) and c["ServiceID"] == service_id]:
                del self._checks[key]
            self._bump()

    # Inside

    def _touch(self, dc, service):
        key = (dc, service.get("Namespace", "default"), service.get("Partition", "default"),
               service["Service"])
        self._service_index[key] = self.index + 1

    def _bump(self):
        self.index += 1
        self.changed.notify_all()

    def answer(self, exchange):
        try:
            if self.failing:
                raise Refused(self.failing, "No cluster leader")
            if not exchange.path.startswith(self.prefix + "/v1/"):
                raise Refused(404, "")
            path = exchange.path[len(self.prefix) + 4:]
            if path == "agent/self":
                self._self(exchange)
            elif path == "status/leader":
                exchange.send_json(200, "127.0.0.1:8300")
            elif path == "catalog/services":
                self._blocking(exchange, lambda scope: self.index, self._catalog_services)
            elif path.startswith("health/service/"):
                name = path[len("health/service/"):]
                self._blocking(
                    exchange, lambda scope: self._service_index.get((*scope, name), self.index),
                    lambda *more: self._health_service(name, *more))
            else:
                raise Refused(404, "")
        except Refused as refused:
            exchange.send(refused.code, str(refused))

    def _anonymous(self, exchange):
        """Whether there is no token where one is needed; a wrong one is refused."""
        if not self.token:
            return False
        bearer = exchange.headers.get("Authorization", "")
        token = (exchange.one("token") or exchange.headers.get("X-Consul-Token", "")
                 or (bearer[7:] if bearer.startswith("Bearer ") else ""))
        if token and token != self.token:
            raise Refused(403, "rpc error making call: ACL not found")
        return not token

    def _self(self, exchange):
        if self._anonymous(exchange):
            raise Refused(403, "Permission denied: token with AccessorID '00000000-0000-0000-0000-"
                               "000000000002' lacks permission 'agent:read' on \"self\"")
        exchange.send_json(200, {
            "Config": {"Datacenter": self.datacenter, "PrimaryDatacenter": self.datacenter,
                       "NodeName": "self", "NodeID": str(uuid.uuid5(uuid.NAMESPACE_DNS, "self")),
                       "Revision": "deadbeef", "Server": True, "Version": "1.17.3"},
            "Coord": {}, "Member": {"Name": "self", "Addr": "127.0.0.1", "Port": 8301},
            "Stats": {}, "Meta": {"consul-network-segment": ""}})

    def _scope(self, exchange):
        dc = exchange.one("dc") or self.datacenter
        if dc not in self._datacenters:
            raise Refused(500, "No path to datacenter")
        for name, what in (("ns", "Namespaces"), ("partition", "Admin Partitions")):
            if exchange.one(name) and not self.enterprise:
                raise Refused(400, f'Invalid query parameter: "{name}" - {what} are a Consul '
                                   "Enterprise feature")
        return dc, exchange.one("ns") or "default", exchange.one("partition") or "default"

    @staticmethod
    def _wait_seconds(text):
        if not text:
            return DEFAULT_WAIT_SECONDS
        units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "": 1}
        parts = re.findall(r"([\d.]+)(ms|h|m|s|)", text)
        if "".join(n + u for n, u in parts) != text:
            raise Refused(400, "Invalid wait time")
        return min(sum(float(n) * units[u] for n, u in parts), MAX_WAIT_SECONDS)

    def _blocking(self, exchange, index_of, make):
        """Answers with make(scope, filter, exchange) once the index is beyond that of the query."""
        anonymous = self._anonymous(exchange)
        scope = self._scope(exchange)
        keep = Filter(exchange.one("filter")).matches if exchange.one("filter") else None
        after = int(exchange.one("index") or 0)
        wait = self._wait_seconds(exchange.one("wait"))
        ends = time.monotonic() + wait + wait / 16
        with self.changed:
            while (after and index_of(scope) <= after and time.monotonic() < ends
                   and self.running and not self.failing and not exchange.peer_left()):
                self.changed.wait(min(0.2, max(0.01, ends - time.monotonic())))
            if not self.running:
                exchange.cut()
                return
            if self.failing:
                raise Refused(self.failing, "rpc error: lost the leader")
            index = index_of(scope)
            value = make(scope, keep, exchange)
        headers = [("X-Consul-Index", str(index)), ("X-Consul-Knownleader", "true"),
                   ("X-Consul-Lastcontact", "0"), ("Vary", "Accept-Encoding"),
                   ("X-Consul-Default-Acl-Policy", "deny" if self.token else "allow"),
                   ("X-Consul-Effective-Consistency",
                    "stale" if "stale" in exchange.query else "leader")]
        if anonymous:
            value = type(value)()
            headers.append(("X-Consul-Results-Filtered-By-ACLs", "true"))
        exchange.send_json(200, value, headers)

    def _instances(self, scope, exchange):
        """(node, service) in the scope whose node has the metadata that the query asks for."""
        dc, namespace, partition = scope
        wanted = [pair.partition(":")[::2] for pair in exchange.query.get("node-meta", [])]
        for (in_dc, node_name, _), service in sorted(self._services.items()):
            node = self._nodes[in_dc, node_name]
            if (in_dc == dc and service.get("Namespace", "default") == namespace
                    and service.get("Partition", "default") == partition
                    and all(node["Meta"].get(k) == v for k, v in wanted)):
                yield node, service

    def _catalog_services(self, scope, keep, exchange):
        found = {"consul": []} if not keep else {}
        for node, service in self._instances(scope, exchange):
            flat = {"ServiceName": service["Service"], "ServiceID": service["ID"],
                    "ServiceTags": service["Tags"], "ServiceMeta": service["Meta"],
                    "ServicePort": service["Port"], "ServiceAddress": service["Address"],
                    "Node": node["Node"], "NodeMeta": node["Meta"], "Address": node["Address"],
                    "Datacenter": node["Datacenter"], "ID": node["ID"], "ServiceKind": ""}
            if keep and not keep(flat):
                continue
            tags = found.setdefault(service["Service"], [])
            tags += [tag for tag in service["Tags"] if tag not in tags]
        return found

    def _health_service(self, name, scope, keep, exchange):
        found = []
        for node, service in self._instances(scope, exchange):
            if service["Service"] != name or not set(exchange.query.get("tag", [])) <= set(
                    service["Tags"]):
                continue
            checks = [check for (dc, at, _), check in sorted(self._checks.items())
                      if dc == scope[0] and at == node["Node"]
                      and check["ServiceID"] in ("", service["ID"])]
            if "passing" in exchange.query and any(c["Status"] != "passing" for c in checks):
                continue
            entry = {"Node": node, "Service": service, "Checks": checks}
            if not keep or keep(entry):
                found.append(entry)
        return found
