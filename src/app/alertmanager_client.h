#pragma once

#include <functional>
#include <vector>

#include "app/config/alerting_config.h"
#include "ask/tools/list_silences.h"
#include "io/http/http_client.h"

namespace prom5 {

/// Silences by GET /api/v2/silences of the configured Alertmanagers: of those of one entry, which
/// tell each other, the first that answers counts. `configured` is asked at each call; `http` must
/// outlive what is returned.
/// Source: the OpenAPI file of Alertmanager 0.34.
tools::SilenceSource silences_of(
    io::HttpClient& http, std::function<std::vector<config::AlertmanagerConfig>()> configured);

}  // namespace prom5
