#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "collect/ingest/remote_write.h"
#include "io/http/router.h"
#include "query/engine.h"
#include "store/tsdb/db.h"

namespace prom5::api {

/// What /api/v1/status/* tells of the process.
struct StatusInfo {
  TimeMs started;
  std::string working_directory;
  std::string host_name;
  std::vector<std::pair<std::string, std::string>> flags;
  std::function<std::string()> config_text;
  std::function<std::pair<bool, TimeMs>()> last_reload;  ///< whether it succeeded, and when
};

/// Prometheus' HTTP API below /api/v1. Any thread.
/// Source: prometheus.io/docs/prometheus/latest/querying/api.
class ApiV1 {
 public:
  struct Services {
    tsdb::Db& db;
    Storage& storage;  ///< what queries look at: the database, and what other servers add
    query::Engine& engine;
    ingest::RemoteWriteReceiver* remote_write;  ///< null: switched off
    const Clock& clock;
  };

  ApiV1(Services services, StatusInfo status);

  void add_routes(io::Router& router);

  /// Whether a request is of the kinds that dashboards ask by the hundred and that mostly take
  /// microseconds. All that these do may run within a LoopTurn.
  static bool is_likely_short(const io::HttpRequest& request);

 private:
  using Answer = Result<io::HttpResponse>;

  Answer query(const io::HttpRequest& request);
  Answer query_range(const io::HttpRequest& request);
  Answer query_exemplars(const io::HttpRequest& request);
  Answer format_query(const io::HttpRequest& request);
  Answer parse_query(const io::HttpRequest& request);
  Answer series(const io::HttpRequest& request);
  Answer labels(const io::HttpRequest& request);
  Answer label_values(const io::HttpRequest& request, const std::string& name);
  Answer metadata(const io::HttpRequest& request);
  Answer status_config();
  Answer status_flags();
  Answer status_runtime();
  Answer status_build();
  Answer status_tsdb(const io::HttpRequest& request);

  struct LabelQuery {
    TimeRange range;
    size_t limit = 0;
  };
  static Result<LabelQuery> label_query(const io::HttpRequest& request);
  template <typename Ask>
  Answer label_list(const io::HttpRequest& request, Ask ask);
  /// `request` has its times; the rest comes from the parameters.
  Answer evaluate(query::QueryRequest request, const io::HttpRequest& http);

  const Services services_;
  const StatusInfo status_;
};

/// The version that the program gives of itself.
std::string_view version();

}  // namespace prom5::api
