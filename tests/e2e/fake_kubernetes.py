"""A fake of the Kubernetes API server: list and watch, as far as a discovery can see them.

Follows the published API conventions (https://kubernetes.io/docs/reference/using-api/api-concepts/
and the reference of the resources):

- list: cluster-wide and of one namespace, labelSelector, fieldSelector, limit and continue with a
  consistent snapshot, resourceVersion with resourceVersionMatch, remainingItemCount; items of a
  list carry no kind; large answers are gzipped when the client allows it.
- watch: chunked stream of ADDED, MODIFIED, DELETED, BOOKMARK and ERROR events, one JSON object a
  line; an object that starts or stops to match the selectors comes as ADDED or DELETED;
  timeoutSeconds; sendInitialEvents (streaming list).
- 410 Gone for a resourceVersion or continue token that is too old, as the HTTP status or as an
  ERROR event; 401 without the right bearer token; 403 for resources in `forbidden`; 404.

    with FakeKubernetes(pod, service) as api:
        api.put(pod)                            # creates or replaces, by kind, namespace and name
        api.delete("Pod", "web-1", "shop")
        api.cut_watches()                       # also end_watches, expire_watches
        api.compact()                           # forgets the history: old versions are gone
        api.failing = 500                       # every request fails; None: works again
"""
import base64
import copy
import gzip
import json
import re
import time
import uuid

import discovery

# resource: (API version, kind, whether it is in a namespace)
RESOURCES = {
    "nodes": ("v1", "Node", False),
    "namespaces": ("v1", "Namespace", False),
    "pods": ("v1", "Pod", True),
    "services": ("v1", "Service", True),
    "endpoints": ("v1", "Endpoints", True),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", True),
    "ingresses": ("networking.k8s.io/v1", "Ingress", True),
    "replicasets": ("apps/v1", "ReplicaSet", True),
    "jobs": ("batch/v1", "Job", True),
}
RESOURCE_OF_KIND = {kind: resource for resource, (_, kind, _) in RESOURCES.items()}

# What a fieldSelector may name, besides metadata.name and metadata.namespace.
FIELDS = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
             "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
             "status.nominatedNodeName"),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets": ("status.replicas",),
    "jobs": ("status.successful",),
}
GZIP_FROM_BYTES = 128 * 1024
GONE_MESSAGE = "too old resource version: %d (%d)"


class Failure(Exception):
    """An answer that is a Status object."""

    def __init__(self, code, reason, message, details=None):
        super().__init__(message)
        self.status = {"kind": "Status", "apiVersion": "v1", "metadata": {},
                       "status": "Failure", "message": message, "reason": reason, "code": code}
        if details:
            self.status["details"] = details
        self.code = code


def gone(message):
    return Failure(410, "Expired", message)


# --------------------------------------------------------------------------------------- selectors

_TERM = re.compile(r"\s*(?:(!)\s*([\w./-]+)|([\w./-]+)\s*(?:(==|=|!=|>|<)\s*([\w.-]*)"
                   r"|\s(in|notin)\s*\(([^)]*)\))?)\s*(?:,|$)")


def label_matcher(text):
    """A function of an object's labels, for a labelSelector."""
    tests, at = [], 0
    while at < len(text):
        match = _TERM.match(text, at)
        if not match or match.end() == at:
            raise Failure(400, "BadRequest", f"unable to parse requirement: {text!r}")
        at = match.end()
        absent, absent_key, key, operator, value, of_set, names = match.groups()
        names = [n.strip() for n in (names or "").split(",")]
        if absent:
            tests.append(lambda labels, k=absent_key: k not in labels)
        elif operator in ("=", "=="):
            tests.append(lambda labels, k=key, v=value: labels.get(k) == v)
        elif operator == "!=":
            tests.append(lambda labels, k=key, v=value: labels.get(k) != v)
        elif operator:
            tests.append(lambda labels, k=key, v=value, greater=operator == ">": (
                k in labels and (int(labels[k]) > int(v) if greater else int(labels[k]) < int(v))))
        elif of_set == "in":
            tests.append(lambda labels, k=key, v=names: labels.get(k) in v)
        elif of_set == "notin":
            tests.append(lambda labels, k=key, v=names: labels.get(k) not in v)
        else:
            tests.append(lambda labels, k=key: k in labels)
    return lambda labels: all(test(labels) for test in tests)


def field_matcher(text, resource):
    """A function of an object, for a fieldSelector."""
    terms = []
    for term in filter(None, re.split(r"(?<!\\),", text)):
        match = re.fullmatch(r"([\w.]+)(==|=|!=)(.*)", term)
        if not match:
            raise Failure(400, "BadRequest", f"invalid selector: {term!r}; can't understand it")
        path, operator, value = match.groups()
        if path not in ("metadata.name", "metadata.namespace", *FIELDS.get(resource, ())):
            raise Failure(400, "BadRequest", f'Unable to find "{resource}" that match label '
                          f'selector "", field selector "{text}": field label not supported: '
                          f"{path}")
        terms.append((path.split("."), operator != "!=", re.sub(r"\\(.)", r"\1", value)))

    def field(item, path):
        for name in path:
            item = (item or {}).get(name)
        return {None: "", True: "true", False: "false"}.get(item, str(item))

    return lambda item: all((field(item, path) == value) == equal for path, equal, value in terms)


class _Watch:
    """One open watch stream."""

    def __init__(self, resource, namespace):
        self.resource, self.namespace = resource, namespace
        self.order = None  # "cut", "end" or "expire"


class FakeKubernetes(discovery.Fake):
    """The API server.

    token:            the bearer token to demand.
    gone_as_status:   a watch of a version that is too old answers with HTTP status 410; False: with
                      status 200 and an ERROR event, as servers do since 1.19.
    watch_cache:      False: a list with resourceVersion=0 is paged too, as if --watch-cache=false.
    bookmark_seconds: the time between BOOKMARK events for watches that allow them.
    piece_bytes:      events are sent in chunks of that size, as a proxy may do.
    """

    def __init__(self, *objects, token=None, gone_as_status=False, watch_cache=True,
                 bookmark_seconds=60.0, piece_bytes=None, streaming_lists=True, **options):
        super().__init__(**options)
        self.token = token
        self.gone_as_status = gone_as_status
        self.watch_cache = watch_cache
        self.bookmark_seconds = bookmark_seconds
        self.piece_bytes = piece_bytes
        self.streaming_lists = streaming_lists
        self.failing = None
        self.forbidden = set()
        self.revision = 1000
        self._compacted = 0
        self._versions = {r: {} for r in RESOURCES}  # resource: key: [(revision, object or None)]
        self._events = []  # (revision, resource, key)
        self._watches = []
        for item in objects:
            self.put(item)

    # Changes by the test

    def put(self, item):
        """Creates or replaces an object; what a server fills in is filled in here too."""
        item = copy.deepcopy(item)
        version, kind, in_namespace = RESOURCES[RESOURCE_OF_KIND[item["kind"]]]
        resource = RESOURCE_OF_KIND[kind]
        item["apiVersion"] = version
        meta = item["metadata"]
        if in_namespace:
            meta.setdefault("namespace", "default")
        meta.setdefault("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(
            [kind, meta.get("namespace"), meta["name"]]))))
        meta.setdefault("creationTimestamp", "2024-05-01T10:00:00Z")
        with self.changed:
            self._record(resource, (meta.get("namespace", ""), meta["name"]), item)
        return item

    def delete(self, kind, name, namespace=""):
        resource = RESOURCE_OF_KIND[kind]
        if RESOURCES[resource][2]:
            namespace = namespace or "default"
        with self.changed:
            assert self._at(resource, (namespace, name), self.revision), f"no {kind} {name}"
            self._record(resource, (namespace, name), None)

    def change(self, kind, name, namespace="", **parts):
        """Replaces top-level parts of an object; a dictionary is merged one level deep."""
        resource = RESOURCE_OF_KIND[kind]
        with self.changed:
            item = copy.deepcopy(self._at(resource, (namespace, name), self.revision))
            for part, value in parts.items():
                item[part] = {**item.get(part, {}), **value} if isinstance(value, dict) else value
            self.put(item)

    def compact(self):
        """Forgets how things were: versions before the current one are too old from now on."""
        with self.changed:
            self.revision += 1
            self._compacted = self.revision

    def cut_watches(self):
        """Breaks off the connections of all watches."""
        self._order("cut")

    def end_watches(self):
        """Ends all watches in good order, as a server does every half hour or so."""
        self._order("end")

    def expire_watches(self):
        """Sends ERROR 410 to all watches, in the middle of the stream, and ends them."""
        self._order("expire")

    def watching(self, resource=None):
        """How many watches are open."""
        with self.changed:
            return sum(resource in (None, w.resource) for w in self._watches)

    # Inside

    def _order(self, order):
        with self.changed:
            for watch in self._watches:
                watch.order = order
            self.changed.notify_all()

    def _record(self, resource, key, item):
        self.revision += 1
        if item is not None:
            item["metadata"]["resourceVersion"] = str(self.revision)
        self._versions[resource].setdefault(key, []).append((self.revision, item))
        self._events.append((self.revision, resource, key))
        self.changed.notify_all()

    def _at(self, resource, key, revision):
        """The object as it was at a revision, or None."""
        for since, item in reversed(self._versions[resource].get(key, [])):
            if since <= revision:
                return item
        return None

    def _state(self, resource, namespace, matches, revision):
        """[(key, object)] at a revision, sorted by key."""
        found = ((key, self._at(resource, key, revision))
                 for key in sorted(self._versions[resource])
                 if not namespace or key[0] == namespace)
        return [(key, item) for key, item in found if item is not None and matches(item)]

    # HTTP

    def answer(self, exchange):
        try:
            if self.failing:
                raise Failure(self.failing, "InternalError", "Internal error occurred")
            self._authorize(exchange)
            if exchange.path == "/version":
                exchange.send_json(200, {"major": "1", "minor": "29", "gitVersion": "v1.29.2",
                                         "platform": "linux/amd64"})
                return
            resource, namespace, name = self._route(exchange.path)
            if resource in self.forbidden:
                raise Failure(403, "Forbidden", f'{resource} is forbidden: User "prometheus" '
                              f'cannot list resource "{resource}" at the cluster scope')
            if name:
                self._get(exchange, resource, namespace, name)
            elif exchange.one("watch") in ("true", "1"):
                self._watch(exchange, resource, namespace)
            else:
                self._list(exchange, resource, namespace)
        except Failure as failure:
            exchange.send_json(failure.code, failure.status)

    def _authorize(self, exchange):
        if self.token and exchange.headers.get("Authorization") != f"Bearer {self.token}":
            raise Failure(401, "Unauthorized", "Unauthorized")

    @staticmethod
    def _route(path):
        match = re.fullmatch(r"/(?:api/(v1)|apis/([\w.]+/v1))(?:/namespaces/([\w.-]+))?"
                             r"/([a-z]+)(?:/([\w.-]+))?", path)
        if match:
            version, namespace, resource, name = (match[1] or match[2]), *match.groups()[2:]
            known = RESOURCES.get(resource)
            if known and known[0] == version and (known[2] or not namespace):
                if not name or namespace or not known[2]:
                    return resource, namespace or "", name
        match = re.fullmatch(r"/api/v1/namespaces(?:/([\w.-]+))?", path)
        if match:
            return "namespaces", "", match[1]
        raise Failure(404, "NotFound", "the server could not find the requested resource")

    def _get(self, exchange, resource, namespace, name):
        with self.changed:
            item = self._at(resource, (namespace, name), self.revision)
        if item is None:
            raise Failure(404, "NotFound", f'{resource} "{name}" not found')
        exchange.send_json(200, item)

    @staticmethod
    def _matcher(exchange, resource):
        labels = label_matcher(exchange.one("labelSelector"))
        fields = field_matcher(exchange.one("fieldSelector"), resource)
        return lambda item: labels(item["metadata"].get("labels") or {}) and fields(item)

    # List

    def _list_revision(self, exchange):
        """The revision that a list without continue is about."""
        version, match = exchange.one("resourceVersion"), exchange.one("resourceVersionMatch")
        if match and not version:
            raise Failure(422, "Invalid", "resourceVersionMatch is forbidden: resourceVersionMatch "
                          "is forbidden unless resourceVersion is provided")
        if version in ("", "0"):
            return self.revision
        wanted = int(version)
        if wanted > self.revision:
            raise Failure(504, "Timeout", f"Timeout: Too large resource version: {wanted}, "
                          f"current: {self.revision}", {
                              "causes": [{"reason": "ResourceVersionTooLarge",
                                          "message": "Too large resource version"}],
                              "retryAfterSeconds": 1})
        if match == "Exact" or (not match and int(exchange.one("limit") or 0)):
            if wanted < self._compacted:
                raise gone(GONE_MESSAGE % (wanted, self._compacted))
            return wanted
        return self.revision

    def _list(self, exchange, resource, namespace):
        matches = self._matcher(exchange, resource)
        limit = int(exchange.one("limit") or 0)
        if self.watch_cache and exchange.one("resourceVersion") == "0":
            limit = 0
        with self.changed:
            after, token = None, exchange.one("continue")
            if token:
                if exchange.one("resourceVersion") not in ("", "0"):
                    raise Failure(400, "BadRequest", "specifying resource version is not allowed "
                                  "when using continue")
                try:
                    place = json.loads(base64.urlsafe_b64decode(token))
                    revision, after = place["rv"], tuple(place["start"])
                except (ValueError, LookupError, TypeError):
                    raise Failure(400, "BadRequest", "continue key is not valid") from None
                if revision < self._compacted:
                    raise gone("The provided continue parameter is too old to display a "
                               "consistent list result. You must start a new list without the "
                               "continue parameter.")
            else:
                revision = self._list_revision(exchange)
            found = self._state(resource, namespace, matches, revision)
        if after:
            found = [(key, item) for key, item in found if key > after]
        meta = {"resourceVersion": str(revision)}
        if limit and len(found) > limit:
            place = {"v": "meta.k8s.io/v1", "rv": revision, "start": found[limit - 1][0]}
            meta["continue"] = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
            if not exchange.one("labelSelector") and not exchange.one("fieldSelector"):
                meta["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        version, kind, _ = RESOURCES[resource]
        items = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")}
                 for _, item in found]
        body = json.dumps({"kind": kind + "List", "apiVersion": version, "metadata": meta,
                           "items": items}, separators=(",", ":")).encode() + b"\n"
        headers = [("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private")]
        if len(body) >= GZIP_FROM_BYTES and "gzip" in exchange.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        exchange.send(200, body, "application/json", headers)

    # Watch

    def _watch(self, exchange, resource, namespace):
        matches = self._matcher(exchange, resource)
        version = exchange.one("resourceVersion")
        streaming = exchange.one("sendInitialEvents") == "true"
        if "sendInitialEvents" in exchange.query and not self.streaming_lists:
            raise Failure(422, "Invalid", "sendInitialEvents is forbidden for watch unless the "
                          "WatchList feature gate is enabled")
        watch = _Watch(resource, namespace)
        with self.changed:
            first = []
            cursor = self.revision
            if streaming or version in ("", "0"):
                first = [("ADDED", item) for _, item in
                         self._state(resource, namespace, matches, cursor)]
                if streaming:
                    first.append(("BOOKMARK", self._bookmark(resource, cursor, end=True)))
            elif int(version) < self._compacted:
                failure = gone(GONE_MESSAGE % (int(version), self._compacted))
                if self.gone_as_status:
                    raise failure
                first, watch.order = [("ERROR", failure.status)], "end"
            else:
                cursor = int(version)
            self._watches.append(watch)
        try:
            exchange.begin_chunks(200, "application/json")
            self._send_events(exchange, first)
            self._follow(exchange, watch, matches, cursor)
        finally:
            with self.changed:
                self._watches.remove(watch)
                self.changed.notify_all()

    def _follow(self, exchange, watch, matches, cursor):
        """Sends what happens after `cursor` until the watch ends."""
        now = time.monotonic()
        ends = now + float(exchange.one("timeoutSeconds") or 3600)
        bookmarks = exchange.one("allowWatchBookmarks") in ("true", "1")
        next_bookmark = now + self.bookmark_seconds
        while True:
            with self.changed:
                events = self._events_after(cursor, watch, matches)
                cursor = self.revision
                if not events and not watch.order and not self.failing:
                    # Now and then it wakes up by itself, to notice that the client is away.
                    soonest = min(ends, next_bookmark if bookmarks else ends)
                    self.changed.wait(min(0.2, max(0.01, soonest - time.monotonic())))
                order = watch.order or ("cut" if self.failing else None)
                running = self.running
            self._send_events(exchange, events)
            now = time.monotonic()
            if not running or order == "cut" or exchange.peer_left():
                exchange.cut()
                return
            if order == "expire":
                self._send_events(exchange, [("ERROR", gone(GONE_MESSAGE % (1, cursor)).status)])
            if order or now >= ends:
                exchange.end_chunks()
                return
            if bookmarks and now >= next_bookmark:
                self._send_events(exchange, [("BOOKMARK", self._bookmark(watch.resource, cursor))])
                next_bookmark = now + self.bookmark_seconds

    def _events_after(self, cursor, watch, matches):
        events = []
        for revision, resource, key in self._events:
            if (revision <= cursor or resource != watch.resource
                    or (watch.namespace and key[0] != watch.namespace)):
                continue
            item = self._at(resource, key, revision)
            before = self._at(resource, key, revision - 1)
            is_in = item is not None and matches(item)
            was_in = before is not None and matches(before)
            if is_in:
                events.append(("MODIFIED" if was_in else "ADDED", item))
            elif was_in:
                # As it was last, with the version of the deletion.
                last = copy.deepcopy(before)
                last["metadata"]["resourceVersion"] = str(revision)
                events.append(("DELETED", last))
        return events

    @staticmethod
    def _bookmark(resource, revision, end=False):
        version, kind, _ = RESOURCES[resource]
        meta = {"resourceVersion": str(revision), "creationTimestamp": None}
        if end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        return {"kind": kind, "apiVersion": version, "metadata": meta}

    def _send_events(self, exchange, events):
        for kind, item in events:
            event = {"type": kind, "object": item}
            line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
            size = self.piece_bytes or len(line)
            for start in range(0, len(line), size):
                exchange.chunk(line[start:start + size])
