#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/http/router.h"

namespace prom5::api {

/// What the command line decides of /api/v1/features.
struct FeatureSwitches {
  bool admin = false;
  bool lifecycle = false;
  bool otlp = false;
  bool otlp_delta = false;
  bool remote_write = false;
  bool auto_reload = false;
  bool delayed_name_removal = false;
  bool start_timestamp_zeros = false;
  bool type_and_unit_labels = false;
  /// All kinds that Prometheus has, and whether this version has them.
  std::vector<std::pair<std::string, bool>> discovery;
};

/// GET /api/v1/features: what a client may rely on, by category, under Prometheus' names.
/// Source: prometheus util/features and cmd/prometheus/testdata/features.json.
void add_features_route(io::Router& router, FeatureSwitches switches);

}  // namespace prom5::api
