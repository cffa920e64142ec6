#pragma once

#include <cmath>
#include <functional>
#include <string>

#include "ask/catalogue/catalogue.h"
#include "ask/catalogue/concept.h"
#include "ask/catalogue/embedder.h"
#include "ask/catalogue/meaning_index.h"
#include "ask/catalogue/word_vectors.h"
#include "ask/tool.h"
#include "base/rng.h"
#include "query/engine.h"
#include "store/memory_storage.h"

namespace prom5::catalogue {

/// Six hours of four hosts, two services and a database, a sample a minute: what the tools and the
/// built-in model are asked about in tests.
///
/// Known of it: web-02's processor is 95 % busy for the last hour, others' 10 to 20 %. db-01's
/// /data loses 10 GiB an hour and has 60 left of 500. The connections of the pool double 100
/// minutes before the end; api's latency follows ten minutes later. Memory of payment follows
/// requests of api by five minutes throughout. One alert fires, one is pending.
struct SmallWorld {
  static constexpr TimeMs kNow{1'768'478'400'000};
  static constexpr int64_t kMinutes = 360;

  using Course = std::function<double(double minute)>;  ///< minute 0 to kMinutes

  explicit SmallWorld(bool filled = true) {
    if (filled) fill();
  }

  void put(const Labels& labels, const Course& value, int64_t from = 0) {
    const auto appender = storage.appender();
    for (int64_t m = from; m <= kMinutes; ++m) {
      const TimeMs time = kNow - DurationMs::minutes(kMinutes - m);
      CHECK(appender->append(0, labels, {time, value(static_cast<double>(m))}));
    }
    CHECK(appender->commit());
  }
  void tell(const std::string& family, MetricType type, const std::string& help) {
    const auto appender = storage.appender();
    appender->set_metadata(family, {type, help, ""});
    CHECK(appender->commit());
  }
  /// Of a rate a second, sum over minutes from the start.
  static Course counted(const Course& rate) {
    std::vector<double> sums{1000};
    for (int64_t m = 1; m <= kMinutes; ++m) {
      sums.push_back(sums.back() + 60 * rate(static_cast<double>(m)));
    }
    return [sums](double minute) { return sums[static_cast<size_t>(minute)]; };
  }
  /// Deterministic noise in -1 to 1.
  static double noise(double minute, int seed) {
    Rng random(static_cast<uint64_t>(minute) * 1000 + static_cast<uint64_t>(seed));
    return random.unit() * 2 - 1;
  }

  void fill();

  MemoryStorage storage;
  ManualClock clock{kNow};
  MetricRegistry registry;
  query::Engine engine{storage, {}, registry, clock};
  const ConceptPack& pack = shipped_pack();
  Catalogue catalogue{storage, pack.lexicon, clock};
  BuiltInEmbedder embedder{pack.lexicon, shipped_word_vectors()};
  MeaningIndex meaning{pack, embedder, nullptr};
  ToolContext context{kNow, {}};

 private:
  void fill_hosts();
  void fill_services();
};

inline void SmallWorld::fill_hosts() {
  struct Host {
    std::string name, env;
    int seed;
  };
  for (const Host& h : {Host{"web-01", "production", 1}, Host{"web-02", "production", 2},
                        Host{"db-01", "production", 3}, Host{"stg-01", "staging", 4}}) {
    const std::string instance = h.name + ":9100";
    const auto labels = [&](const char* name) {
      return LabelsBuilder(
          Labels{{"__name__", name}, {"env", h.env}, {"instance", instance}, {"job", "node"}});
    };
    put(labels("up").build(), [](double) { return 1; });
    const auto busy = [h](double m) {
      const double usual = 0.15 + 0.05 * noise(m, h.seed);
      return h.name == "web-02" && m > kMinutes - 60 ? 0.95 : usual;
    };
    put(labels("node_cpu_seconds_total").set("cpu", "0").set("mode", "idle").build(),
        counted([busy](double m) { return 1 - busy(m); }));
    put(labels("node_cpu_seconds_total").set("cpu", "0").set("mode", "user").build(),
        counted(busy));
    constexpr double kGiB = 1 << 30;
    put(labels("node_memory_MemTotal_bytes").build(), [](double) { return 16 * kGiB; });
    put(labels("node_memory_MemAvailable_bytes").build(),
        [h](double m) { return (6 + 0.5 * noise(m, h.seed + 10)) * kGiB; });
    put(labels("node_load1").build(), [h](double m) { return 1 + noise(m, h.seed + 20) / 2; });
    const std::string mount = h.name == "db-01" ? "/data" : "/";
    const auto disk = [&](const char* name) {
      return labels(name).set("device", "sda1").set("fstype", "ext4").set("mountpoint", mount);
    };
    put(disk("node_filesystem_size_bytes").build(), [](double) { return 500 * kGiB; });
    put(disk("node_filesystem_avail_bytes").build(), [h](double m) {
      return h.name == "db-01" ? (60 + 10 * (kMinutes - m) / 60) * kGiB : 300 * kGiB;
    });
  }
  tell("node_load1", MetricType::Gauge, "1m load average.");
}

inline void SmallWorld::fill_services() {
  const auto wave = [](double m) { return 100 + 40 * std::sin(m / 17) + 3 * noise(m, 50); };
  const auto late = [](double m) { return m > kMinutes - 90 ? 3.0 : 1.0; };
  for (const std::string service : {"api", "payment"}) {
    for (const std::string status : {"200", "500"}) {
      const double share = status == "500" ? 0.02 : 0.98;
      put({{"__name__", "http_requests_total"},
           {"env", "production"},
           {"job", service},
           {"service", service},
           {"status", status}},
          counted([=](double m) { return share * wave(m) * (service == "api" ? 2 : 1); }));
    }
    const double mean = 0.1;
    const auto bucket = [&](const char* le, double usual, double slow) {
      put({{"__name__", "http_request_duration_seconds_bucket"},
           {"job", service},
           {"le", le},
           {"service", service}},
          counted([=](double m) {
            const double share = service == "api" && late(m) > 1 ? slow : usual;
            return 100 * share * (1 + 0.01 * noise(m, 61));
          }));
    };
    bucket("0.1", 0.5, 0.1);
    bucket("0.5", 0.95, 0.4);
    bucket("2", 1, 1);
    bucket("+Inf", 1, 1);
    put({{"__name__", "http_request_duration_seconds_sum"}, {"job", service}, {"service", service}},
        counted([=](double m) {
          return 100 * mean * (service == "api" ? late(m) : 1) * (1 + 0.02 * noise(m, 60));
        }));
    put({{"__name__", "http_request_duration_seconds_count"},
         {"job", service},
         {"service", service}},
        counted([](double) { return 100; }));
  }
  put({{"__name__", "process_resident_memory_bytes"}, {"job", "payment"}, {"service", "payment"}},
      [=](double m) { return 1e6 * wave(std::max(0.0, m - 5)); });
  put({{"__name__", "redis_connected_clients"}, {"instance", "cache-01:9121"}, {"job", "redis"}},
      [](double m) { return (m > kMinutes - 100 ? 80 : 40) + std::round(2 * noise(m, 70)); });
  const auto alert = [&](const char* name, const char* state) {
    put(
        {{"__name__", "ALERTS"},
         {"alertname", name},
         {"alertstate", state},
         {"instance", "web-02:9100"},
         {"severity", "warning"}},
        [](double) { return 1; }, kMinutes - 30);
  };
  alert("HighCpu", "firing");
  alert("DiskFills", "pending");
  tell("http_requests_total", MetricType::Counter, "Requests that were answered.");
}

inline void SmallWorld::fill() {
  fill_hosts();
  fill_services();
}

}  // namespace prom5::catalogue
