"""Scraping targets of others by an unchanged prometheus.yml."""
import re
import unittest

import harness

# As written by somebody for Prometheus; only the intervals are short and the address is filled in.
PROMETHEUS_YML = """\
# my global config
global:
  scrape_interval: 1s # Set the scrape interval to every 15 seconds. Default is every 1 minute.
  evaluation_interval: 15s # Evaluate rules every 15 seconds. The default is every 1 minute.
  # scrape_timeout is set to the global default (10s).
  scrape_timeout: 1s
  external_labels:
    monitor: 'example'

# Alertmanager configuration
alerting:
  alertmanagers:
    - static_configs:
        - targets:
          # - alertmanager:9093

# Load rules once and periodically evaluate them according to the global 'evaluation_interval'.
rule_files:
  # - "first_rules.yml"
  # - "second_rules.yml"

# A scrape configuration containing exactly one endpoint to scrape:
# Here it's Prometheus itself.
scrape_configs:
  # The job name is added as a label `job=<job_name>` to any timeseries scraped from this config.
  - job_name: "prometheus"

    # metrics_path defaults to '/metrics'
    # scheme defaults to 'http'.

    static_configs:
      - targets: ["%s"]

  - job_name: node
    # If prometheus-node-exporter is installed, grab stats about the local
    # machine by default.
    static_configs:
      - targets: ['%s']
        labels:
          rack: "a 1"
"""

TARGET_FIELDS = {
    "discoveredLabels": dict, "labels": dict, "scrapePool": str, "scrapeUrl": str,
    "globalUrl": str, "lastError": str, "lastScrape": str, "lastScrapeDuration": (int, float),
    "health": str, "scrapeInterval": str, "scrapeTimeout": str}


class NodeExporterScrape(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = cls.enterClassContext(harness.NodeExporter())
        cls.server = cls.enterClassContext(
            harness.Prom5(config=PROMETHEUS_YML % (harness.SELF, cls.exporter.address)))
        cls.server.wait_for_value('up{job="node"}', 1)

    def test_values_of_the_exporter_with_target_labels(self):
        series = self.server.query("node_load1")
        self.assertEqual([s["metric"] for s in series], [
            {"__name__": "node_load1", "instance": self.exporter.address, "job": "node",
             "rack": "a 1"}])

    def test_external_labels_are_not_stored(self):
        self.assertEqual(self.server.query('up{monitor="example"}'), [])

    def test_all_of_the_page_is_stored(self):
        _, _, page = self.exporter.get("/metrics")
        names = {line.split("{")[0].split(" ")[0] for line in page.decode().splitlines()
                 if line and not line.startswith("#")}
        stored = set(self.server.api("label/__name__/values", **{"match[]": '{job="node"}'}))
        self.assertLessEqual(names, stored)

    def test_series_about_the_scrape(self):
        value = self.server.value
        self.assertGreater(value('scrape_duration_seconds{job="node"}'), 0)
        self.assertLess(value('scrape_duration_seconds{job="node"}'), 1.5)
        scraped = value('scrape_samples_scraped{job="node"}')
        self.assertGreater(scraped, 200)
        self.assertEqual(value('scrape_samples_post_metric_relabeling{job="node"}'), scraped)
        harness.wait_until(
            lambda: value('max_over_time(scrape_series_added{job="node"}[10m])') > 200)

    def test_scrape_samples_scraped_counts_the_stored_samples(self):
        names = ("up|scrape_duration_seconds|scrape_samples_scraped|scrape_series_added"
                 "|scrape_samples_post_metric_relabeling")

        def equal():
            time = self.server.query('timestamp(up{job="node"})')[0]["value"]
            stored = self.server.value(f'count({{job="node",__name__!~"{names}"}})', time[1])
            return stored == self.server.value('scrape_samples_scraped{job="node"}', time[1])

        # Series of the exporter come and go, so one scrape in between may differ.
        harness.wait_until(equal, "as many samples as the scrape says", interval=0.2)

    def test_metadata_of_the_page(self):
        self.assertEqual(self.server.api("metadata", metric="node_load1"),
                         {"node_load1": [{"type": "gauge", "help": "1m load average.",
                                          "unit": ""}]})

    def test_targets_endpoint(self):
        data = self.server.api("targets")
        self.assertEqual(data["droppedTargets"], [])
        pools = {t["scrapePool"]: t for t in data["activeTargets"]}
        self.assertEqual(set(pools), {"prometheus", "node"})
        target = pools["node"]
        for name, kind in TARGET_FIELDS.items():
            self.assertIsInstance(target[name], kind, name)
        address = self.exporter.address
        self.assertEqual(target["labels"], {"instance": address, "job": "node", "rack": "a 1"})
        self.assertEqual(target["discoveredLabels"], {
            "__always_scrape_classic_histograms__": "false",
            "__convert_classic_histograms_to_nhcb__": "false",
            "__scrape_native_histograms__": "false",
            "__address__": address, "__metrics_path__": "/metrics", "__scheme__": "http",
            "__scrape_interval__": "1s", "__scrape_timeout__": "1s", "job": "node",
            "rack": "a 1"})
        self.assertEqual(target["scrapeUrl"], f"http://{address}/metrics")
        self.assertTrue(target["globalUrl"].endswith(f":{self.exporter.port}/metrics"))
        self.assertEqual((target["scrapeInterval"], target["scrapeTimeout"]), ("1s", "1s"))
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.assertRegex(target["lastScrape"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-])")
        self.assertGreater(target["lastScrapeDuration"], 0)

    def test_targets_endpoint_by_state_and_pool(self):
        self.assertEqual(self.server.api("targets", state="dropped")["activeTargets"], [])
        active = self.server.api("targets", state="active", scrapePool="node")["activeTargets"]
        self.assertEqual([t["scrapePool"] for t in active], ["node"])

    def test_scrape_pools(self):
        self.assertEqual(self.server.api("scrape_pools"), {"scrapePools": ["node", "prometheus"]})


class ExporterGoesAway(unittest.TestCase):
    def test_down_stale_and_back(self):
        exporter = self.enterContext(harness.NodeExporter())
        server = self.enterContext(
            harness.Prom5(config=harness.scrape_config(("node", exporter.address))))
        server.wait_for_value("up", 1)
        harness.wait_until(lambda: server.query("node_load1"))

        exporter.stop()
        server.wait_for_value("up", 0)
        # Well inside of the lookback of five minutes: only a staleness marker ends the series.
        self.assertEqual(server.query("node_load1"), [])
        self.assertEqual(len(server.query("last_over_time(node_load1[5m])")), 1)
        # The scrape that was under way may have been cut off; the next one finds nobody.
        harness.wait_until(lambda: re.search(
            "refused|connect", server.api("targets")["activeTargets"][0]["lastError"]),
            "the target refuses connections")
        self.assertEqual(server.api("targets")["activeTargets"][0]["health"], "down")
        self.assertEqual(server.value("scrape_samples_scraped"), 0)

        exporter.start()
        server.wait_for_value("up", 1)
        harness.wait_until(lambda: server.query("node_load1"), "node_load1 is back")
        self.assertEqual(server.api("targets")["activeTargets"][0]["lastError"], "")


PAGE = """\
# HELP kept_total Things kept.
# TYPE kept_total counter
kept_total{n="1"} 1
kept_total{n="2"} 2
# TYPE dropped gauge
dropped 3
# A series that will not stay.
%s"""


class ExactCounts(unittest.TestCase):
    """Pages of known content: what the series about a scrape must say to the last sample."""

    @classmethod
    def setUpClass(cls):
        cls.pages = cls.enterClassContext(
            harness.PageServer({"/metrics": PAGE % "passing 4\n"}))
        cls.server = cls.enterClassContext(harness.Prom5(config=harness.scrape_config(
            ("page", cls.pages.address, "metric_relabel_configs:",
             "  - source_labels: [__name__]", "    regex: dropped", "    action: drop"))))
        cls.server.wait_for_value("up", 1)

    def test_counts_with_relabelling(self):
        self.server.wait_for_value("scrape_samples_post_metric_relabeling",
                                   self.server.value("scrape_samples_scraped") - 1)
        self.assertEqual(self.server.query("dropped"), [])
        self.server.wait_for_value("max_over_time(scrape_series_added[10m])", 3)
        self.server.wait_for_value("scrape_series_added", 0)

    def test_series_missing_from_the_page_ends(self):
        self.pages.pages["/metrics"] = PAGE % "passing 4\n"
        self.server.wait_for_value("passing", 4)
        self.pages.pages["/metrics"] = PAGE % ""
        harness.wait_until(lambda: not self.server.query("passing"), "passing is stale")
        self.assertEqual(self.server.value("up"), 1)
        self.assertEqual(self.server.value('kept_total{n="2"}'), 2)

    def test_request_to_the_target(self):
        path, headers = self.pages.requests[0]
        self.assertEqual(path, "/metrics")
        self.assertIn("text/plain", headers["Accept"])
        self.assertEqual(headers["X-Prometheus-Scrape-Timeout-Seconds"], "1")
        self.assertIn("gzip", headers["Accept-Encoding"])
        self.assertEqual(headers["Host"], self.pages.address)


if __name__ == "__main__":
    unittest.main()
