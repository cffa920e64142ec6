#pragma once

#include <functional>

#include "base/clock.h"
#include "io/http/router.h"
#include "query/name_filter.h"
#include "store/storage.h"

namespace prom5::api {

/// Names found by what somebody typed, for completion: /api/v1/search/metric_names, label_names,
/// label_values. The answer is NDJSON: lines of results, then one that says whether there are more.
/// Any thread. Source: prometheus web/api/v1/search.go.
class SearchApi {
 public:
  /// `max_limit`: the most results that a request may ask for.
  SearchApi(Storage& storage, const Clock& clock, size_t max_limit)
      : storage_(storage), clock_(clock), max_limit_(max_limit) {}

  void add_routes(io::Router& router);

 private:
  using Answer = Result<io::HttpResponse>;
  using Find = std::function<Result<std::vector<std::string>>(Querier&, std::span<const Matcher>)>;

  struct Search {
    TimeRange range;
    std::vector<std::vector<Matcher>> selectors;
    query::NameFilter filter;
    bool by_score = false;
    bool descending = false;
    bool with_score = false;
    bool with_metadata = false;
    size_t limit = 0;
    size_t batch_size = 0;
  };
  struct Found {
    std::string name;
    double score = 1;
  };

  [[nodiscard]] Result<Search> search_of(const io::HttpRequest& request,
                                         std::string_view endpoint) const;
  Answer answer(const io::HttpRequest& request, std::string_view endpoint, std::string_view field,
                const Find& find);

  Storage& storage_;
  const Clock& clock_;
  const size_t max_limit_;
};

}  // namespace prom5::api
