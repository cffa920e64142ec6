#pragma once

#include "io/http/router.h"
#include "store/tsdb/db.h"

namespace prom5::api {

/// What can be asked of the database itself and done to it: /api/v1/status/tsdb/blocks,
/// /api/v1/status/walreplay, /api/v1/admin/tsdb. Any thread.
/// Source: prometheus.io/docs/prometheus/latest/querying/api, "TSDB Admin APIs".
class TsdbApi {
 public:
  TsdbApi(tsdb::Db& db, bool admin_enabled, const Log& log)
      : db_(db), admin_enabled_(admin_enabled), log_(log) {}

  void add_routes(io::Router& router);

 private:
  using Answer = Result<io::HttpResponse>;

  Answer logged(const io::HttpRequest& request, Answer answer) const;
  Answer blocks();
  Answer wal_replay();
  Answer delete_series(const io::HttpRequest& request);
  Answer clean_tombstones();
  Answer snapshot(const io::HttpRequest& request);

  tsdb::Db& db_;
  const bool admin_enabled_;
  const Log& log_;
};

}  // namespace prom5::api
