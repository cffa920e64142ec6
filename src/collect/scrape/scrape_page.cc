// How a page becomes a batch: the part of ScrapeLoop that is the same for each format.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

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

void normalize_borders(LabelsBuilder& labels, MetricType type) {
  if (type == MetricType::Histogram) normalize_border(labels, "le");
  if (type == MetricType::Summary) normalize_border(labels, "quantile");
}

/// A page may have this many times the sample limit's lines, most of them dropped by relabelling.
constexpr uint64_t kMostDropped = 5;
/// Of a family's help text; the rest is cut.
constexpr size_t kMaxHelpBytes = 4096;
/// A sample with a time of its own is out of bounds when it is older than this at its scrape, as
/// for Prometheus' head.
constexpr DurationMs kOldest = DurationMs::hours(1);

/// Whether help or unit is long is not the storage's business.
Metadata shortened(const Metadata& metadata) {
  return {.type = metadata.type,
          .help = std::string(codec::utf8_front(metadata.help, kMaxHelpBytes)),
          .unit = std::string(codec::utf8_front(metadata.unit, kMaxHelpBytes))};
}

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
              "{} Content-Type \"{}\"{}: this is probably no page of metrics; if it is, name its "
              "format by fallback_scrape_protocol",
              type.empty() ? "missing" : "unsupported", type.substr(0, 200),
              after_redirects(response));
}

/// A time after 1970 that milliseconds can tell.
std::optional<TimeMs> time_of_seconds(double seconds) {
  constexpr double kMostSeconds = 1e15;
  if (!(seconds > 0 && seconds < kMostSeconds)) return std::nullopt;
  return TimeMs{std::llround(seconds * 1000)};
}

TimeMs start_of(const ProtobufParser& parser) {
  return std::max(parser.start().value_or(kNoStart), kNoStart);
}
/// Text pages tell it in lines of their own.
TimeMs start_of(const TextParser& /*parser*/) { return kNoStart; }

/// Tells the metrics of an OpenMetrics page apart that may have a start: all lines of one have its
/// family and its labels. 0 for others.
uint32_t metric_of(const LabelsBuilder& series, const exposition::PageFamily& family) {
  const MetricType type = family.metadata.type;
  if (type != MetricType::Counter && type != MetricType::Histogram && type != MetricType::Summary) {
    return 0;
  }
  LabelsBuilder labels = series;
  labels.set(kMetricName, family.name);
  if (type == MetricType::Histogram) labels.remove("le");
  if (type == MetricType::Summary) labels.remove("quantile");
  const uint64_t hash = labels.build().hash();
  return std::max<uint32_t>(static_cast<uint32_t>(hash ^ hash >> 32), 1);
}

/// Whether a series is of the family, which it need not be only because it stands below it.
bool is_of(std::string_view name, std::string_view family) {
  constexpr std::array kSuffixes = std::to_array<std::string_view>(
      {"", "_total", "_created", "_bucket", "_sum", "_count", "_gsum", "_gcount", "_info"});
  return name.starts_with(family) &&
         std::ranges::find(kSuffixes, name.substr(family.size())) != kSuffixes.end();
}

/// Tells what a family gives to its series apart from what others do.
uint32_t schema_of(const exposition::PageFamily& family) {
  const std::string text =
      fmt::format("{}\n{}\n{}", to_string(family.metadata.type), family.metadata.unit, family.name);
  const uint64_t hash = std::hash<std::string>()(text);
  return std::max<uint32_t>(static_cast<uint32_t>(hash ^ hash >> 32), 1);
}

LineCache::Detail& detail_of(LineCache::Line& line) {
  if (!line.detail) line.detail = std::make_unique<LineCache::Detail>();
  return *line.detail;
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
  Appender& appender;
  Counts& counts;

  Pending pending = {};
  uint64_t families = 0;
  Labels newest = {};  ///< labels of the newest line of the cache
  std::optional<uint32_t> newest_place = {};
  std::optional<uint32_t> family = {};  ///< the place of the one that the lines are of
  uint32_t schema = 0;                  ///< of that family: LineCache::Detail::schema
};

Result<void> ScrapeLoop::append_page(const io::HttpClientResponse& response, TimeMs time,
                                     Appender& appender, Counts& counts) {
  const PageFormat format = TRY(format_of(response, *options_));
  cache_.set_format(static_cast<uint8_t>(format));
  if (format == PageFormat::Protobuf) {
    Page<ProtobufParser> page{
        ProtobufParser(response.body, {.native_histograms = target_.native_histograms,
                                       .always_classic = target_.always_classic_histograms ||
                                                         target_.classic_to_custom_buckets}),
        time, appender, counts};
    return read_page(page);
  }
  Page<TextParser> page{
      TextParser(response.body, format == PageFormat::OpenMetrics ? TextParser::Format::OpenMetrics
                                                                  : TextParser::Format::Text),
      time, appender, counts};
  return read_page(page);
}

template <typename Parser>
Result<void> ScrapeLoop::read_page(Page<Parser>& page) {
  using Entry = typename Parser::Entry;
  custom_buckets_.begin_page();
  page.pending.samples.reserve(cache_.lines().size());
  page.pending.places.reserve(cache_.lines().size());
  const uint64_t limit = options_->sample_limit;
  for (;;) {
    page.parser.expect(cache_.expected());
    const Entry entry = TRY(page.parser.next());
    if (entry == Entry::End) break;
    TRY(entry == Entry::Family ? take_family(page) : take_sample(page, entry));
    if (limit == 0 || std::max(page.counts.scraped, page.families) <= limit * kMostDropped)
      continue;
    metrics_.sample_limit.add();
    return fail(ErrorCode::LimitExceeded,
                "sample limit exceeded by far: more than {} lines, {} samples are allowed",
                limit * kMostDropped, limit);
  }
  TRY(append_pending(page.pending, page.appender));
  TRY(append_custom_buckets(page.time, page.pending, page.appender, page.counts));
  if (limit == 0 || page.counts.kept <= limit) return {};
  metrics_.sample_limit.add();
  return fail(ErrorCode::LimitExceeded,
              "sample limit exceeded: {} samples, {} are allowed; raise sample_limit if the "
              "target is right",
              page.counts.kept, limit);
}

template <typename Parser>
Result<void> ScrapeLoop::take_family(Page<Parser>& page) {
  ++page.families;
  const std::string_view text = page.parser.text();
  std::optional<uint32_t> place = page.parser.is_as_expected() ? cache_.place() : cache_.find(text);
  if (!place) place = TRY(cache_.add(text, {.kind = LineCache::Kind::Family}));
  cache_.take(*place);
  page.family = place;
  if (options_->type_and_unit_labels) {
    uint32_t& schema = detail_of(cache_.line(*place)).schema;
    if (schema == 0) schema = schema_of(page.parser.family());
    page.schema = schema;
  }
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
  if (page.family && !std::exchange(cache_.line(*page.family).told, true)) {
    page.appender.set_metadata(parser.family().name, shortened(parser.family().metadata));
  }
  const bool expected = parser.is_as_expected() && is_of_schema(cache_.place(), page.schema);
  const uint32_t place = expected ? cache_.place() : TRY(find_or_add(page));
  const bool repeated = !cache_.take(place);
  const Line& line = cache_.line(place);
  if (line.detail && line.detail->bucket) {
    custom_buckets_.take(*line.detail->bucket, parser.value(), parser.time(), start_of(parser));
  }
  if (line.kind == LineCache::Kind::InBuckets) return {};
  if (line.created) {
    if (const auto start = time_of_seconds(parser.value())) {
      page.pending.created[line.metric] = *start;
    }
  }
  if (line.kind == LineCache::Kind::Start) return {};
  ++page.counts.scraped;
  if (line.kind == LineCache::Kind::Dropped) return {};
  ++page.counts.kept;
  if (limit > 0 && page.counts.kept > limit) return {};
  return store_sample(page, place, entry, repeated);
}

template <typename Parser>
Result<void> ScrapeLoop::store_sample(Page<Parser>& page, uint32_t place,
                                      typename Parser::Entry entry, bool repeated) {
  const Parser& parser = page.parser;
  Line& line = cache_.line(place);
  const bool own_time = options_->honor_timestamps && parser.time().has_value();
  if (repeated && !own_time) {
    metrics_.duplicates.add();
    return {};
  }
  line.timed = own_time && !options_->track_timestamps_staleness;
  const TimeMs time = own_time ? *parser.time() : page.time;
  if (time + kOldest < page.time) {
    metrics_.out_of_bounds.add();
    return {};
  }
  if constexpr (std::is_same_v<Parser, ProtobufParser>) {
    if (entry == Parser::Entry::Histogram) {
      TRY(append_histogram(line, time, TRY(within_bucket_limits(parser.histogram())),
                           start_of(parser), page.appender));
      return append_exemplars(page, place, entry);
    }
  }
  const Sample sample{time, parser.value()};
  const TimeMs start = start_of(parser);
  const bool newest = place == page.newest_place;
  if (line.ref != 0) {
    page.pending.push({line.ref, sample}, start, place);
  } else if (line.metric != 0) {
    page.pending.fresh.push_back({place, newest ? page.newest : Labels(), sample, start});
  } else if (newest) {
    TRY(settle(line.ref, page.appender.append(0, page.newest, sample, start)));
  } else {
    TRY(append_sample(line, sample, start, page.appender));
  }
  return parser.exemplar_text().empty() ? Result<void>() : append_exemplars(page, place, entry);
}

/// Exemplars that are older than the newest, or there already, are what every page repeats.
template <typename Parser>
Result<void> ScrapeLoop::append_exemplars(Page<Parser>& page, uint32_t place,
                                          [[maybe_unused]] typename Parser::Entry entry) {
  Line& line = cache_.line(place);
  LineCache::Detail& detail = detail_of(line);
  std::vector<PageExemplar> found;
  if constexpr (std::is_same_v<Parser, ProtobufParser>) {
    if (entry == Parser::Entry::Histogram) found = TRY(page.parser.exemplars());
  }
  if (const std::string_view text = page.parser.exemplar_text(); text != detail.exemplar) {
    found.push_back(TRY(page.parser.exemplar()));
    detail.exemplar = text;
  }
  if (found.empty()) return {};
  if (detail.labels.empty()) detail.labels = TRY(labels_of(line));
  for (PageExemplar& one : found) {
    const Exemplar exemplar{std::move(one.labels), one.value, one.time.value_or(page.time)};
    const auto kept = page.appender.append_exemplar(detail.labels, exemplar);
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
Result<uint32_t> ScrapeLoop::find_or_add(Page<Parser>& page) {
  const std::string_view text = page.parser.text();
  if (auto fits = check_length(text); !fits) {
    metrics_.label_limits.add();
    return std::unexpected(fits.error());
  }
  const auto known = cache_.find(text);
  if (known && is_of_schema(*known, page.schema)) return *known;
  LabelsBuilder builder;
  std::vector<std::string> empty;
  TRY(page.parser.labels(builder, &empty));
  if (options_->legacy_names) TRY(check_legacy(builder));
  Line line{.type = page.parser.family().metadata.type};
  normalize_borders(builder, line.type);
  if (page.schema != 0) add_schema(page.schema, page.parser.family(), builder, line);
  if (target_.classic_to_custom_buckets && line.type == MetricType::Histogram) {
    if (const auto bucket = custom_buckets_.place_of(builder, page.parser.family().name)) {
      detail_of(line).bucket = *bucket;
      if (!target_.always_classic_histograms) line.kind = LineCache::Kind::InBuckets;
    }
  }
  if constexpr (std::is_same_v<Parser, TextParser>) {
    if (page.parser.is_open_metrics()) {
      const exposition::PageFamily& family = page.parser.family();
      line.metric = metric_of(builder, family);
      line.created = line.metric != 0 && builder.get(kMetricName) == family.name + "_created";
      if (line.created && options_->created_as_start) line.kind = LineCache::Kind::Start;
      if (line.detail && line.detail->bucket) {
        custom_buckets_.set_metric(line.detail->bucket->group, line.metric);
      }
    }
  }
  if (line.kind == LineCache::Kind::Series) {
    page.newest = TRY(final_labels(builder, empty));
    page.newest_place = static_cast<uint32_t>(cache_.lines().size());
    if (page.newest.empty()) {
      line.kind = LineCache::Kind::Dropped;
    } else {
      ++page.counts.added;
    }
  }
  return cache_.add(text, std::move(line));
}

/// The line's series gets the labels that tell the family's type and unit.
void ScrapeLoop::add_schema(uint32_t schema, const exposition::PageFamily& family,
                            LabelsBuilder& labels, Line& line) {
  LineCache::Detail& detail = detail_of(line);
  detail.schema = schema;
  line.typed = is_of(labels.get(kMetricName), family.name);
  if (!line.typed) return;
  detail.unit = family.metadata.unit;
  set_type_and_unit(line.type, detail.unit, labels);
}

/// As find_or_add() made them.
Result<Labels> ScrapeLoop::labels_of(const Line& line) const {
  const std::string_view text = cache_.text(line);
  LabelsBuilder builder;
  std::vector<std::string> empty;
  TRY(ProtobufParser::is_text(text) ? ProtobufParser({}, {}).series_labels(text, builder, &empty)
                                    : TextParser(text).series_labels(text, builder, &empty));
  normalize_borders(builder, line.type);
  if (line.typed) set_type_and_unit(line.type, line.detail->unit, builder);
  return final_labels(builder, empty);
}

Result<void> ScrapeLoop::append_custom_buckets(TimeMs time, const Pending& pending,
                                               Appender& appender, Counts& counts) {
  const auto& groups = custom_buckets_.groups();
  custom_series_.resize(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    const CustomBuckets::Group& group = groups[i];
    if (!group.on_page) continue;
    const auto histogram = to_histogram(group);
    if (!histogram) continue;
    ++counts.scraped;
    CustomSeries& series = custom_series_[i];
    if (!std::exchange(series.known, true)) {
      LabelsBuilder builder(group.labels);
      series.labels = TRY(final_labels(builder, {}));
      if (!series.labels.empty()) ++counts.added;
    }
    series.on_page = true;
    if (series.labels.empty()) continue;
    ++counts.kept;
    const TimeMs start = group.start != kNoStart ? group.start : pending.created_of(group.metric);
    const bool own_time = options_->honor_timestamps && group.time.has_value();
    series.timed = own_time && !options_->track_timestamps_staleness;
    TRY(settle(series.ref,
               appender.append_histogram(series.ref, series.labels, own_time ? *group.time : time,
                                         TRY(within_bucket_limits(*histogram)), start)));
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
