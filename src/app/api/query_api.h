#pragma once

#include "base/clock.h"
#include "io/http/router.h"
#include "query/doctor.h"
#include "query/engine.h"

namespace prom5::api {

/// Questions about queries, below /api/v5/query: what one computes and costs, why its answer is
/// empty, which ones run now. Any thread.
class QueryApi {
 public:
  QueryApi(Storage& storage, query::Engine& engine, const Clock& clock)
      : engine_(engine), doctor_(engine, storage, clock), clock_(clock) {}

  void add_routes(io::Router& router);

 private:
  using Answer = Result<io::HttpResponse>;

  Answer explain(const io::HttpRequest& request);
  Answer diagnose(const io::HttpRequest& request);
  Answer active();
  Answer cancel(const std::string& id);
  [[nodiscard]] Result<query::QueryRequest> query_of(const io::HttpRequest& request) const;

  query::Engine& engine_;
  query::Doctor doctor_;
  const Clock& clock_;
};

}  // namespace prom5::api
