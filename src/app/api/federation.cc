#include "app/api/federation.h"

#include <algorithm>
#include <map>

#include "app/api/answer.h"
#include "app/api/parameters.h"
#include "base/ascii.h"
#include "model/exposition/text_writer.h"
#include "model/sample.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

/// By labels; of a series that several selectors match, once.
using Newest = std::map<Labels, Sample>;

Result<Newest> newest_samples(Querier& querier, std::span<const std::vector<Matcher>> selectors) {
  Newest out;
  SampleColumns columns;
  for (const std::vector<Matcher>& matchers : selectors) {
    const auto set = TRY(querier.select(matchers, querier.tier({})));
    while (set->next()) {
      TRY(set->read(columns));
      if (columns.size() == 0 || is_stale(columns.values.back())) continue;
      if (!columns.histograms.empty() && columns.histograms.back()) continue;
      if (!set->labels().has(kMetricName)) continue;
      out[set->labels()] = {columns.times.back(), columns.values.back()};
    }
  }
  return out;
}

/// What is not of the old character set becomes "_": a page of version 0.0.4 has no quotes.
std::string escaped(std::string_view name, bool colon) {
  std::string out(name);
  for (size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    const bool good = is_alpha(c) || c == '_' || (colon && c == ':') || (i > 0 && is_digit(c));
    if (!good) out[i] = '_';
  }
  return out;
}

}  // namespace

void Federation::add_routes(io::Router& router) {
  router.add("GET", "/federate", "The newest samples of selected series, to be scraped.",
             [this](const HttpRequest& request, const io::PathArguments&) {
               auto text = page(request);
               if (!text) {
                 const int status = http_error(text.error().code).status;
                 return HttpResponse::text(status, text.error().message + "\n");
               }
               HttpResponse response = HttpResponse::text(200, *std::move(text));
               response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
               return response;
             });
}

Result<std::string> Federation::page(const HttpRequest& request) const {
  const auto selectors = match_parameters(request);
  if (!selectors) return std::unexpected(selectors.error());
  const TimeMs now = clock_.now();
  const auto querier = TRY(storage_.querier({now - lookback_, now}));
  const Newest found = TRY(newest_samples(*querier, *selectors));
  ExternalLabels external = external_labels_();
  // A scraper that honours labels shall not put its own in the place of none.
  const bool has_instance =
      std::ranges::any_of(external, [](const auto& label) { return label.first == "instance"; });
  if (!has_instance) external.emplace_back("instance", "");
  std::ranges::sort(external);

  std::vector<const Newest::value_type*> by_name;
  for (const auto& entry : found) by_name.push_back(&entry);
  std::ranges::stable_sort(by_name, {}, [](const auto* e) { return e->first.get(kMetricName); });
  std::string out;
  exposition::TextWriter writer(out);
  std::string family;
  for (const auto* entry : by_name) {
    const auto& [labels, sample] = *entry;
    std::string name = escaped(labels.get(kMetricName), true);
    if (name != family) writer.type(name, MetricType::Unknown);
    family = std::move(name);
    std::vector<std::pair<std::string, std::string_view>> written;
    for (const LabelView label : labels) {
      if (label.name != kMetricName) written.emplace_back(escaped(label.name, false), label.value);
    }
    for (const auto& [label, value] : external) {
      if (!labels.has(label)) written.emplace_back(label, value);
    }
    writer.sample_with(family, written, sample.value, sample.time);
  }
  return out;
}

}  // namespace prom5::api
