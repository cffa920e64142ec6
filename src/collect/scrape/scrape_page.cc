// How a page becomes a batch: the part of ScrapeLoop that is the same for each format.

#include <algorithm>

#include "collect/scrape/scrape_loop.h"
#include "io/codec/number.h"
#include "io/codec/utf8.h"
#include "model/histogram_arithmetic.h"

namespace prom5::scrape {

namespace {

using exposition::PageExemplar;
using exposition::ProtobufParser;
using exposition::TextParser;

/// "1" and "1.0" are one bucket: borders are kept in the form that always has a point.
void normalize_border(LabelsBuilder& labels, std::string_view name) {
  const auto value = codec::parse_double(labels.get(name));
  if (!value) return;
  std::string text = codec::format_general(*value);
  if (text.find_first_of(".eIN") == std::string::npos) text += ".0";
  labels.set(name, text);
}

/// A page may have this many times the sample limit's lines, most of them dropped by relabelling.
constexpr uint64_t kMostDropped = 5;
/// Of a family's help text; the rest is cut.
constexpr size_t kMaxHelpBytes = 4096;
/// A sample with a time of its own is out of bounds when it is older than this at its scrape, as
/// for Prometheus' head.
constexpr DurationMs kOldest = DurationMs::hours(1);

enum class PageFormat : uint8_t { Text, OpenMetrics, Protobuf };

PageFormat format_of(ScrapeProtocol protocol) {
  switch (protocol) {
    case ScrapeProtocol::PrometheusProto: return PageFormat::Protobuf;
    case ScrapeProtocol::OpenMetrics100:
    case ScrapeProtocol::OpenMetrics001: return PageFormat::OpenMetrics;
    case ScrapeProtocol::PrometheusText100:
    case ScrapeProtocol::PrometheusText004: break;
  }
  return PageFormat::Text;
}

/// What the reply says it is; else what the configuration says.
Result<PageFormat> format_of(const io::HttpClientResponse& response, const ScrapeOptions& options) {
  const std::string_view type = response.headers.get("Content-Type");
  const std::string_view media = type.substr(0, type.find(';'));
  if (media == "text/plain") return PageFormat::Text;
  if (media == "application/openmetrics-text") return PageFormat::OpenMetrics;
  const bool delimited = type.find("proto=io.prometheus.client.MetricFamily") != type.npos &&
                         type.find("encoding=delimited") != type.npos;
  if (media == "application/vnd.google.protobuf" && delimited) return PageFormat::Protobuf;
  if (options.fallback_protocol) return format_of(*options.fallback_protocol);
  return fail(ErrorCode::BadData,
              "{} Content-Type \"{}\": this is probably no page of metrics; if it is, name its "
              "format by fallback_scrape_protocol",
              type.empty() ? "missing" : "unsupported", type.substr(0, 200));
}

/// Names of the old character set only. BadData naming the other.
Result<void> check_legacy(const LabelsBuilder& labels) {
  for (const auto& [name, value] : labels.labels()) {
    const bool good =
        name == kMetricName ? is_legacy_metric_name(value) : is_legacy_label_name(name);
    if (good) continue;
    return fail(ErrorCode::BadData,
                "invalid name \"{}\" under metric_name_validation_scheme: legacy",
                name == kMetricName ? value : name);
  }
  return {};
}

}  // namespace

/// A page on its way into the batch.
template <typename Parser>
struct ScrapeLoop::Page {
  Parser parser;
  TimeMs time;
  std::span<SeriesEntry* const> before;
  Appender& appender;
  Counts& counts;

  std::vector<SeriesEntry*> order = {};
  size_t place = 0;  ///< on the page before
  Pending pending = {};
  FamilyEntry* family = nullptr;  ///< of the lines that follow
  uint64_t families = 0;
};

Result<void> ScrapeLoop::append_page(const io::HttpClientResponse& response, TimeMs time,
                                     std::span<SeriesEntry* const> before, Appender& appender,
                                     Counts& counts) {
  const PageFormat format = TRY(format_of(response, *options_));
  if (format == PageFormat::Protobuf) {
    Page<ProtobufParser> page{
        ProtobufParser(response.body, {.native_histograms = target_.native_histograms,
                                       .always_classic = target_.always_classic_histograms ||
                                                         target_.classic_to_custom_buckets}),
        time, before, appender, counts};
    return read_page(page);
  }
  Page<TextParser> page{
      TextParser(response.body, format == PageFormat::OpenMetrics ? TextParser::Format::OpenMetrics
                                                                  : TextParser::Format::Text),
      time, before, appender, counts};
  return read_page(page);
}

template <typename Parser>
Result<void> ScrapeLoop::read_page(Page<Parser>& page) {
  using Entry = typename Parser::Entry;
  Parser& parser = page.parser;
  custom_buckets_.begin_page();
  page.order.reserve(page.before.size());
  const uint64_t limit = options_->sample_limit;
  for (;;) {
    parser.expect(page.place < page.before.size() ? std::string_view(page.before[page.place]->first)
                                                  : std::string_view());
    const Entry entry = TRY(parser.next());
    if (entry == Entry::End) break;
    const bool sample = entry == Entry::Sample || entry == Entry::Histogram;
    TRY(sample ? take_sample(page, entry) : note_family(page, entry));
    if (limit == 0 || std::max(page.counts.scraped, page.families) <= limit * kMostDropped)
      continue;
    metrics_.sample_limit.add();
    return fail(ErrorCode::LimitExceeded,
                "sample limit exceeded by far: more than {} lines, {} samples are allowed",
                limit * kMostDropped, limit);
  }
  TRY(append_pending(page.pending, page.appender));
  TRY(append_custom_buckets(page.time, page.appender, page.counts));
  if (limit > 0 && page.counts.kept > limit) {
    metrics_.sample_limit.add();
    return fail(ErrorCode::LimitExceeded,
                "sample limit exceeded: {} samples, {} are allowed; raise sample_limit if the "
                "target is right",
                page.counts.kept, limit);
  }
  order_ = std::move(page.order);
  if (page.families < families_.size()) {
    std::erase_if(families_, [&](const auto& f) { return f.second.seen != scrape_number_; });
  }
  return {};
}

/// What is known of the family after the line, which mostly says what it said the last time.
template <typename Parser>
Result<void> ScrapeLoop::note_family(Page<Parser>& page, typename Parser::Entry entry) {
  const Parser& parser = page.parser;
  auto found = families_.find(std::string_view(parser.family()));
  if (found == families_.end()) {
    found = families_.try_emplace(std::string(parser.family())).first;
  }
  Family& family = found->second;
  if (family.seen != scrape_number_) ++page.families;
  family.seen = scrape_number_;
  const auto learn = [&](auto& known, const auto& said) {
    if (known == said) return;
    known = said;
    family.told = false;
  };
  switch (entry) {
    case Parser::Entry::Help:
      learn(family.metadata.help, codec::utf8_front(parser.help(), kMaxHelpBytes));
      break;
    case Parser::Entry::Type: learn(family.metadata.type, parser.type()); break;
    default: learn(family.metadata.unit, codec::utf8_front(parser.unit(), kMaxHelpBytes)); break;
  }
  page.family = &*found;
  return {};
}

template <typename Parser>
Result<void> ScrapeLoop::take_sample(Page<Parser>& page, typename Parser::Entry entry) {
  Parser& parser = page.parser;
  const uint64_t limit = options_->sample_limit;
  if (limit > 0 && page.counts.kept > limit) {
    // The rest is counted, so that the report says by how much the limit was passed.
    ++page.counts.scraped;
    ++page.counts.kept;
    return {};
  }
  if (page.family != nullptr && !page.family->second.told) {
    page.appender.set_metadata(page.family->first, page.family->second.metadata);
    page.family->second.told = true;
  }
  SeriesEntry* found = parser.is_as_expected() ? page.before[page.place] : TRY(find_or_add(page));
  CachedSeries& series = found->second;
  const bool repeated = series.seen == scrape_number_;
  if (!repeated) {
    page.place = series.born == scrape_number_ ? page.place : series.place + 1;
    series.place = static_cast<uint32_t>(page.order.size());
    page.order.push_back(found);
  }
  series.seen = scrape_number_;
  if (series.bucket) custom_buckets_.take(*series.bucket, parser.value(), parser.time());
  if (series.only_buckets) return {};
  ++page.counts.scraped;
  if (series.labels.empty()) return {};
  ++page.counts.kept;
  if (limit > 0 && page.counts.kept > limit) return {};
  return store_sample(page, series, entry, repeated);
}

template <typename Parser>
Result<void> ScrapeLoop::store_sample(Page<Parser>& page, CachedSeries& series,
                                      typename Parser::Entry entry, bool repeated) {
  const Parser& parser = page.parser;
  const bool own_time = options_->honor_timestamps && parser.time().has_value();
  if (repeated && !own_time) {
    metrics_.duplicates.add();
    return {};
  }
  series.timed = own_time && !options_->track_timestamps_staleness;
  const TimeMs time = own_time ? *parser.time() : page.time;
  if (time + kOldest < page.time) {
    metrics_.out_of_bounds.add();
    return {};
  }
  if constexpr (std::is_same_v<Parser, ProtobufParser>) {
    if (entry == Parser::Entry::Histogram) {
      TRY(append_histogram(series, time, TRY(within_bucket_limits(parser.histogram())),
                           page.appender));
      return append_exemplars(page, series, entry);
    }
  }
  if (series.ref != 0) {
    page.pending.samples.push_back({series.ref, {time, parser.value()}});
    page.pending.series.push_back(&series);
  } else {
    TRY(append_sample(series, {time, parser.value()}, page.appender));
  }
  return parser.has_exemplar() ? append_exemplars(page, series, entry) : Result<void>();
}

/// Exemplars that are older than the newest, or there already, are what every page repeats.
template <typename Parser>
Result<void> ScrapeLoop::append_exemplars(Page<Parser>& page, const CachedSeries& series,
                                          [[maybe_unused]] typename Parser::Entry entry) {
  std::vector<PageExemplar> found;
  if constexpr (std::is_same_v<Parser, ProtobufParser>) {
    if (entry == Parser::Entry::Histogram) found = TRY(page.parser.exemplars());
  }
  if (page.parser.has_exemplar()) found.push_back(TRY(page.parser.exemplar()));
  for (PageExemplar& one : found) {
    const Exemplar exemplar{std::move(one.labels), one.value, one.time.value_or(page.time)};
    const auto kept = page.appender.append_exemplar(series.labels, exemplar);
    if (!kept && kept.error().code == ErrorCode::OutOfOrder) metrics_.exemplars_out_of_order.add();
  }
  return {};
}

/// Whether labels within their limits can be this long, before they are taken apart and copied.
Result<void> ScrapeLoop::check_length(std::string_view series) const {
  const ScrapeOptions& o = *options_;
  if (o.label_limit == 0 || o.label_name_length_limit == 0 || o.label_value_length_limit == 0) {
    return {};
  }
  constexpr uint64_t kEscaped = 2;
  constexpr uint64_t kPunctuation = 8;
  const uint64_t most = o.label_limit * kEscaped *
                        (o.label_name_length_limit + o.label_value_length_limit + kPunctuation);
  if (series.size() <= most) return {};
  return fail(ErrorCode::LimitExceeded,
              "label_limit, label_name_length_limit or label_value_length_limit exceeded: a series "
              "of {} bytes, which begins \"{}\"",
              series.size(), codec::utf8_front(series, 100));
}

template <typename Parser>
Result<ScrapeLoop::SeriesEntry*> ScrapeLoop::find_or_add(Page<Parser>& page) {
  if (auto fits = check_length(page.parser.series()); !fits) {
    metrics_.label_limits.add();
    return std::unexpected(fits.error());
  }
  std::string key(page.parser.series());
  if (const auto found = series_.find(key); found != series_.end()) return &*found;
  LabelsBuilder builder;
  std::vector<std::string> empty;
  TRY(page.parser.labels(builder, &empty));
  if (options_->legacy_names) TRY(check_legacy(builder));
  CachedSeries fresh{.born = scrape_number_};
  const MetricType type =
      page.family == nullptr ? MetricType::Unknown : page.family->second.metadata.type;
  if (type == MetricType::Histogram) {
    normalize_border(builder, "le");
    if (target_.classic_to_custom_buckets) {
      fresh.bucket = custom_buckets_.place_of(builder, page.family->first);
      fresh.only_buckets = fresh.bucket && !target_.always_classic_histograms;
    }
  }
  if (type == MetricType::Summary) normalize_border(builder, "quantile");
  if (!fresh.only_buckets) {
    fresh.labels = TRY(final_labels(builder, empty));
    if (!fresh.labels.empty()) ++page.counts.added;
  }
  return &*series_.emplace(std::move(key), std::move(fresh)).first;
}

Result<void> ScrapeLoop::append_custom_buckets(TimeMs time, Appender& appender, Counts& counts) {
  const auto& groups = custom_buckets_.groups();
  for (size_t i = 0; i < groups.size(); ++i) {
    const CustomBuckets::Group& group = groups[i];
    if (!group.on_page) continue;
    const auto histogram = to_histogram(group);
    if (!histogram) continue;
    ++counts.scraped;
    if (custom_series_.size() <= i) custom_series_.resize(groups.size());
    CachedSeries& series = custom_series_[i];
    if (series.seen == 0) {
      LabelsBuilder builder(group.labels);
      series.labels = TRY(final_labels(builder, {}));
      if (!series.labels.empty()) ++counts.added;
    }
    series.seen = scrape_number_;
    if (series.labels.empty()) continue;
    ++counts.kept;
    const bool own_time = options_->honor_timestamps && group.time.has_value();
    series.timed = own_time && !options_->track_timestamps_staleness;
    TRY(append_histogram(series, own_time ? *group.time : time,
                         TRY(within_bucket_limits(*histogram)), appender));
  }
  return {};
}

/// At a coarser schema until it has no more buckets than allowed, and each is wide enough.
/// LimitExceeded when no schema does it.
Result<Histogram> ScrapeLoop::within_bucket_limits(const Histogram& histogram) const {
  constexpr int32_t kCoarsest = -4;
  Histogram out = histogram;
  const uint64_t limit = options_->native_bucket_limit;
  const auto buckets = [&] { return out.positive_counts.size() + out.negative_counts.size(); };
  const double factor = options_->native_min_bucket_factor;
  if (!out.custom() && factor > 1) {
    while (out.schema > kCoarsest && exponential_bound(1, out.schema) < factor) {
      out = at_schema(out, out.schema - 1);
    }
  }
  if (limit == 0) return out;
  while (buckets() > limit && !out.custom() && out.schema > kCoarsest) {
    out = at_schema(out, out.schema - 1);
  }
  if (buckets() <= limit) return out;
  metrics_.native_bucket_limit.add();
  return fail(ErrorCode::LimitExceeded,
              "native_histogram_bucket_limit exceeded: {} buckets, {} are allowed", buckets(),
              limit);
}

}  // namespace prom5::scrape
