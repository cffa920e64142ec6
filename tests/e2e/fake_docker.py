"""A fake of the Docker Engine API: containers and networks.

Follows https://docs.docker.com/reference/api/engine/ : /containers/json and /networks with their
filters, /_ping and /version, with or without a version in front (/v1.43/containers/json), over TCP,
TLS or a unix socket.

    with FakeDocker() as docker:
        docker.network("bridge", id_="n0")
        docker.container("web", networks={"bridge": "127.0.17.2"}, ports=[(80, 8080, "127.0.0.1")])
        docker.remove("web")
        docker.failing = 500                # every request fails; None: works again
"""
import hashlib
import json
import re

import discovery

API_VERSION, MIN_API_VERSION = "1.51", "1.24"
CONTAINER_FILTERS = {"ancestor", "before", "expose", "exited", "health", "id", "isolation",
                     "is-task", "label", "name", "network", "publish", "since", "status", "volume"}
NETWORK_FILTERS = {"dangling", "driver", "id", "label", "name", "scope", "type"}


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def _id(name):
    return hashlib.sha256(name.encode()).hexdigest()


def _filters(exchange, known):
    """name: values; clients send a list, or a dictionary with the values as keys."""
    text = exchange.one("filters")
    if not text:
        return {}
    try:
        filters = {name: list(values) for name, values in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        raise Refused(400, "invalid filter") from None
    for name in filters:
        if name not in known:
            raise Refused(400, f"invalid filter '{name}'")
    return filters


def _has_labels(item, wanted):
    """All of the labels: "key" or "key=value"."""
    labels = item.get("Labels") or {}
    return all(w in labels or labels.get(w.partition("=")[0]) == w.partition("=")[2]
               if "=" in w else w in labels for w in wanted)


class FakeDocker(discovery.Fake):
    def __init__(self, **options):
        super().__init__(**options)
        self.failing = None
        self._containers = {}
        self._networks = {}

    # Changes by the test

    def network(self, name, id_=None, driver="bridge", scope="local", internal=False,
                ingress=False, labels=None):
        with self.changed:
            self._networks[name] = {
                "Name": name, "Id": id_ or _id(name), "Created": "2024-05-01T10:00:00.123456789Z",
                "Scope": scope, "Driver": driver, "EnableIPv4": True, "EnableIPv6": False,
                "IPAM": {"Driver": "default", "Options": {}, "Config": []}, "Internal": internal,
                "Attachable": False, "Ingress": ingress, "ConfigFrom": {"Network": ""},
                "ConfigOnly": False, "Containers": {}, "Options": {}, "Labels": labels or {}}

    def container(self, name, networks=None, ports=(), labels=None, image="image:1",
                  state="running", mode=None, id_=None, names=None):
        """Creates a container, or replaces that of the same name.

        networks: name -> IP address ("" for none; with a colon: a global IPv6 address).
        ports:    (private,) or (private, public, IP of the host), or with the protocol as a
                  fourth.
        mode:     HostConfig.NetworkMode; without it the first network.
        """
        with self.changed:
            settings = {}
            for network, address in (networks or {}).items():
                v6 = ":" in address
                settings[network] = {
                    "IPAMConfig": None, "Links": None, "Aliases": None, "DriverOpts": None,
                    "MacAddress": "02:42:ac:11:00:02", "EndpointID": _id(network + name),
                    "NetworkID": self._networks[network]["Id"], "Gateway": "",
                    "IPAddress": "" if v6 else address, "IPPrefixLen": 0 if v6 else 16,
                    "IPv6Gateway": "", "GlobalIPv6Address": address if v6 else "",
                    "GlobalIPv6PrefixLen": 64 if v6 else 0, "DNSNames": None}
            listed = []
            for private, public, host, protocol in (
                    (*port, *(None, None, "tcp")[len(port) - 1:]) for port in ports):
                published = {"IP": host, "PublicPort": public} if public else {}
                listed.append({"PrivatePort": private, "Type": protocol, **published})
            self._containers[name] = {
                "Id": id_ or _id("container " + name), "Names": names or ["/" + name],
                "Image": image, "ImageID": "sha256:" + _id(image), "Command": "run", "Mounts": [],
                "Created": 1714557600 + len(self._containers), "Ports": listed,
                "Labels": labels or {}, "State": state,
                "Status": "Up 2 hours" if state == "running" else "Exited (0) 2 hours ago",
                "HostConfig": {"NetworkMode": mode or next(iter(networks or ["none"]))},
                "NetworkSettings": {"Networks": settings}}

    def remove(self, name):
        with self.changed:
            del self._containers[name]

    # HTTP

    def answer(self, exchange):
        headers = [("Api-Version", API_VERSION), ("Docker-Experimental", "false"),
                   ("Ostype", "linux"), ("Server", "Docker/28.3.2 (linux)")]
        try:
            if self.failing:
                raise Refused(self.failing, "the daemon is not well")
            path = self._without_version(exchange.path)
            if path == "/_ping":
                exchange.send(200, "OK", headers=[("Cache-Control", "no-cache"), *headers])
            elif path == "/version":
                exchange.send_json(200, {"Version": "28.3.2", "ApiVersion": API_VERSION,
                                         "MinAPIVersion": MIN_API_VERSION, "Os": "linux"}, headers)
            elif path == "/containers/json":
                exchange.send_json(200, self._list_containers(exchange), headers)
            elif path == "/networks":
                exchange.send_json(200, self._list_networks(exchange), headers)
            else:
                raise Refused(404, "page not found")
        except Refused as refused:
            exchange.send_json(refused.code, {"message": str(refused)}, headers)

    @staticmethod
    def _without_version(path):
        match = re.match(r"/v(\d+)\.(\d+)(?=/)", path)
        if not match:
            return path

        def number(text):
            return tuple(map(int, text.split(".")))

        asked, text = (int(match[1]), int(match[2])), match[0][2:]
        if asked > number(API_VERSION):
            raise Refused(400, f"client version {text} is too new. Maximum supported API version "
                               f"is {API_VERSION}")
        if asked < number(MIN_API_VERSION):
            raise Refused(400, f"client version {text} is too old. Minimum supported API version "
                               f"is {MIN_API_VERSION}, please upgrade your client to a newer "
                               "version")
        return path[match.end():]

    def _list_containers(self, exchange):
        filters = _filters(exchange, CONTAINER_FILTERS)
        every = exchange.one("all").lower() in ("1", "true") or filters.keys() & {
            "status", "exited"}
        with self.changed:
            found = [c for c in self._containers.values() if every or c["State"] == "running"]
            newest_first = sorted(found, key=lambda c: -c["Created"])
            return [c for c in newest_first
                    if all(self._matches(c, name, values) for name, values in filters.items())]

    def _matches(self, container, name, values):
        networks = container["NetworkSettings"]["Networks"]
        ports = container["Ports"]
        if name == "label":
            return _has_labels(container, values)
        tests = {
            "id": lambda v: container["Id"].startswith(v),
            "name": lambda v: any(re.search(v, n) or re.search(v, n[1:])
                                  for n in container["Names"]),
            "status": lambda v: container["State"] == v,
            "ancestor": lambda v: v in (container["Image"], container["Image"].split(":")[0],
                                        container["ImageID"]),
            "network": lambda v: v in networks or any(n["NetworkID"].startswith(v)
                                                      for n in networks.values()),
            "expose": lambda v: any(f"{p['PrivatePort']}/{p['Type']}" == v
                                    or str(p["PrivatePort"]) == v for p in ports),
            "publish": lambda v: any(f"{p.get('PublicPort')}/{p['Type']}" == v
                                     or str(p.get("PublicPort")) == v for p in ports),
        }
        if name not in tests:
            raise Refused(500, f"the fake does not know the filter {name}")
        return any(map(tests[name], values))

    def _list_networks(self, exchange):
        filters = _filters(exchange, NETWORK_FILTERS)
        tests = {
            "driver": lambda n, v: n["Driver"] == v,
            "id": lambda n, v: n["Id"].startswith(v),
            "name": lambda n, v: bool(re.search(v, n["Name"])),
            "scope": lambda n, v: n["Scope"] == v,
            "type": lambda n, v: (n["Name"] in ("bridge", "host", "none")) == (v == "builtin"),
            "dangling": lambda n, v: v in ("0", "false"),
        }
        with self.changed:
            return [n for n in self._networks.values()
                    if all(_has_labels(n, values) if name == "label"
                           else any(tests[name](n, v) for v in values)
                           for name, values in filters.items())]
