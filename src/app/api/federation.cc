#include "app/api/federation.h"

#include <algorithm>
#include <map>

#include "app/api/answer.h"
#include "app/api/parameters.h"
#include "base/ascii.h"
#include "io/codec/number.h"
#include "model/exposition/classic_buckets.h"
#include "model/exposition/protobuf_writer.h"
#include "model/exposition/text_writer.h"
#include "model/sample.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

struct Newest {
  Sample sample;
  std::shared_ptr<const Histogram> histogram;  ///< shared with the storage; null: it is a float
};
/// By labels; of a series that several selectors match, once.
using Found = std::map<Labels, Newest>;

Result<Found> newest_samples(Querier& querier, std::span<const std::vector<Matcher>> selectors) {
  Found out;
  SampleColumns columns;
  for (const std::vector<Matcher>& matchers : selectors) {
    if (matchers.empty()) continue;  // "{}", which finds nothing in Prometheus
    const auto set = TRY(querier.select(matchers, querier.tier({})));
    while (set->next()) {
      TRY(set->read(columns));
      if (columns.size() == 0 || !set->labels().has(kMetricName)) continue;
      Newest newest{{columns.times.back(), columns.values.back()}, nullptr};
      if (!columns.histograms.empty()) newest.histogram = columns.histograms.back();
      if (is_stale(newest.histogram ? newest.histogram->sum : newest.sample.value)) continue;
      out[set->labels()] = std::move(newest);
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

constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kProtobuf =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
    "encoding=delimited; escaping=underscores";

/// The weight of a clause of an Accept header.
double weight_of(std::string_view clause) {
  for (size_t at = clause.find(';'); at != std::string_view::npos; at = clause.find(';', at + 1)) {
    const std::string_view rest = trimmed(clause.substr(at + 1));
    if (!rest.starts_with("q=")) continue;
    return codec::parse_double(trimmed(rest.substr(2, rest.find(';') - 2))).value_or(0);
  }
  return 1;
}

/// Whether a client would have protobuf at least as much as text.
bool wants_protobuf(std::string_view accept) {
  double protobuf = 0;
  double text = 0;
  while (!accept.empty()) {
    const size_t comma = std::min(accept.find(','), accept.size());
    const std::string_view clause = trimmed(accept.substr(0, comma));
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const std::string_view media = trimmed(clause.substr(0, clause.find(';')));
    if (media == "text/plain") text = std::max(text, weight_of(clause));
    if (media != "application/vnd.google.protobuf") continue;
    const bool delimited =
        clause.find("encoding=delimited") != std::string_view::npos &&
        clause.find("proto=io.prometheus.client.MetricFamily") != std::string_view::npos;
    if (delimited) protobuf = std::max(protobuf, weight_of(clause));
  }
  return protobuf > 0 && protobuf >= text;
}

using WrittenLabels = exposition::ProtobufWriter::Labels;

/// The classic histogram that custom buckets are in a text page.
void write_classic(exposition::TextWriter& writer, const std::string& family, WrittenLabels labels,
                   const Newest& newest) {
  const Histogram& h = *newest.histogram;
  writer.sample_with(family + "_sum", labels, h.sum, newest.sample.time);
  writer.sample_with(family + "_count", labels, h.count, newest.sample.time);
  labels.emplace_back("le", "");
  for (const auto& [bound, count] : exposition::classic_buckets(h)) {
    const std::string le = codec::format_general(bound);
    labels.back().second = le;
    writer.sample_with(family + "_bucket", labels, count, newest.sample.time);
  }
}

using Kind = exposition::ProtobufWriter::Kind;

/// Samples of one name and kind that follow each other become one family.
class Page {
 public:
  Page(std::string& out, bool protobuf) : text_(out), messages_(out), protobuf_(protobuf) {}

  void add(std::string name, const WrittenLabels& labels, const Newest& newest) {
    const Histogram* const h = newest.histogram.get();
    if (h != nullptr && !h->custom() && !protobuf_) return;  // it has no place there
    const bool gauge = h != nullptr && h->reset_hint == CounterResetHint::Gauge;
    const Kind kind = h == nullptr ? Kind::Untyped : gauge ? Kind::GaugeHistogram : Kind::Histogram;
    if (name != name_ || kind != kind_) begin(std::move(name), kind);
    if (protobuf_) {
      h == nullptr ? messages_.sample(labels, newest.sample.value, newest.sample.time)
                   : messages_.histogram(labels, *h, newest.sample.time);
    } else if (h == nullptr) {
      text_.sample_with(name_, labels, newest.sample.value, newest.sample.time);
    } else {
      write_classic(text_, name_, labels, newest);
    }
  }
  void finish() { messages_.finish(); }

 private:
  void begin(std::string name, Kind kind) {
    name_ = std::move(name);
    kind_ = kind;
    if (protobuf_) return messages_.family(name_, kind_);
    text_.type(name_, kind_ == Kind::Untyped ? MetricType::Unknown : MetricType::Histogram);
  }

  exposition::TextWriter text_;
  exposition::ProtobufWriter messages_;
  const bool protobuf_;
  std::string name_;
  Kind kind_ = Kind::Untyped;
};

}  // namespace

void Federation::add_routes(io::Router& router) {
  router.add("GET", "/federate", "The newest samples of selected series, to be scraped.",
             [this](const HttpRequest& request, const io::PathArguments&) {
               const bool protobuf = wants_protobuf(request.headers.get("Accept"));
               auto body = page(request, protobuf);
               if (!body) {
                 const int status = http_error(body.error().code).status;
                 return HttpResponse::text(status, body.error().message + "\n");
               }
               HttpResponse response = HttpResponse::text(200, *std::move(body));
               response.headers.set("Content-Type", std::string(protobuf ? kProtobuf : kText));
               return response;
             });
}

Result<std::string> Federation::page(const HttpRequest& request, bool protobuf) const {
  if (!request.form_error.empty()) {
    return fail(ErrorCode::BadData, "error parsing form values: {}", request.form_error);
  }
  const auto selectors = match_parameters(request, AllSeries::Allowed);
  if (!selectors) return std::unexpected(selectors.error());
  const TimeMs now = clock_.now();
  const auto querier = TRY(storage_.querier({now - lookback_, now}));
  const Found found = TRY(newest_samples(*querier, *selectors));
  ExternalLabels external = external_labels_();
  // A scraper that honours labels shall not put its own in the place of none.
  const bool has_instance =
      std::ranges::any_of(external, [](const auto& label) { return label.first == "instance"; });
  if (!has_instance) external.emplace_back("instance", "");
  std::ranges::sort(external);

  std::vector<const Found::value_type*> by_name;
  for (const auto& entry : found) by_name.push_back(&entry);
  std::ranges::stable_sort(by_name, {}, [](const auto* e) { return e->first.get(kMetricName); });
  std::string out;
  Page page(out, protobuf);
  for (const auto* entry : by_name) {
    const auto& [labels, newest] = *entry;
    WrittenLabels written;
    for (const LabelView label : labels) {
      if (label.name != kMetricName) written.emplace_back(escaped(label.name, false), label.value);
    }
    for (const auto& [label, value] : external) {
      if (!labels.has(label)) written.emplace_back(label, value);
    }
    page.add(escaped(labels.get(kMetricName), true), written, newest);
  }
  page.finish();
  return out;
}

}  // namespace prom5::api
