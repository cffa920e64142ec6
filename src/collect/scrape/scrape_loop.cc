#include "collect/scrape/scrape_loop.h"

#include <array>

#include "io/codec/number.h"
#include "model/exposition/text_parser.h"

namespace prom5::scrape {

namespace {

constexpr std::string_view kExportedPrefix = "exported_";

/// "1" and "1.0" are one bucket: borders are kept in the form that always has a point.
void normalize_border(LabelsBuilder& labels, std::string_view name) {
  const auto value = codec::parse_double(labels.get(name));
  if (!value) return;
  std::string text = codec::format_general(*value);
  if (text.find_first_of(".eIN") == std::string::npos) text += ".0";
  labels.set(name, text);
}

/// Whether the reply says that it is in the text format.
Result<void> check_content_type(const io::HttpClientResponse& response,
                                const ScrapeOptions& options) {
  const std::string_view type = response.headers.get("Content-Type");
  if (type.starts_with("text/plain") || options.accept_any_content_type) return {};
  return fail(ErrorCode::BadData,
              "{} Content-Type \"{}\"; set fallback_scrape_protocol if the page is in the text "
              "format",
              type.empty() ? "missing" : "unsupported", type);
}

}  // namespace

ScrapeMetrics::ScrapeMetrics(MetricRegistry& m)
    : scrapes(m.counter("prom5_scrape_scrapes_total", "Scrapes of all targets.")),
      failures(m.counter("prom5_scrape_failures_total", "Scrapes that failed.")),
      body_too_large(m.counter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                               "Total number of scrapes that hit the body size limit")),
      sample_limit(m.counter("prometheus_target_scrapes_exceeded_sample_limit_total",
                             "Total number of scrapes that hit the sample limit and were "
                             "rejected.")),
      duplicates(m.counter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                           "Total number of samples rejected due to duplicate timestamps but "
                           "different values.")),
      out_of_order(m.counter("prometheus_target_scrapes_sample_out_of_order_total",
                             "Total number of samples rejected due to not being out of the "
                             "expected order.")) {}

ScrapeLoop::ScrapeLoop(Target target, std::shared_ptr<const ScrapeOptions> options,
                       Storage& storage, ScrapeMetrics& metrics)
    : target_(std::move(target)),
      options_(std::move(options)),
      storage_(storage),
      metrics_(metrics) {
  status_.job = options_->job_name;
  status_.target = target_;
}

TargetStatus ScrapeLoop::status() const {
  const MutexLock lock(status_mutex_);
  return status_;
}

Result<void> ScrapeLoop::take(Outcome outcome) {
  metrics_.scrapes.add();
  ++scrape_number_;
  std::string error;
  Counts counts;
  const std::vector<SeriesEntry*> before = std::exchange(order_, {});
  std::unique_ptr<Appender> appender = storage_.appender();
  if (!outcome.response) {
    error = outcome.response.error().message;
    if (outcome.response.error().code == ErrorCode::LimitExceeded) metrics_.body_too_large.add();
  } else if (outcome.response->status != 200) {
    error = fmt::format("server returned HTTP status {} {}", outcome.response->status,
                        io::reason_phrase(outcome.response->status));
  } else {
    const auto appended = append_page(*outcome.response, outcome.time, before, *appender, counts);
    if (!appended) {
      counts.added = 0;
      // What this page brought anew was never stored: there is nothing of it to end.
      std::erase_if(series_,
                    [&](const auto& entry) { return entry.second.born == scrape_number_; });
      error = appended.error().message;
      appender = storage_.appender();  // a page is stored whole or not at all
      ++scrape_number_;                // and none of its series counts as seen
    }
  }
  mark_stale(outcome.time, *appender);
  const bool up = error.empty();
  if (!up) metrics_.failures.add();
  Result<void> stored = report(outcome, counts, up, *appender);
  if (stored) stored = appender->commit();
  // Until the marks are stored the series are known, to be ended by the next scrape.
  if (stored) forget_ended();
  set_status(outcome, stored ? error : stored.error().message);
  return stored;
}

void ScrapeLoop::set_status(const Outcome& outcome, std::string error) {
  const MutexLock lock(status_mutex_);
  status_.health = error.empty() ? "up" : "down";
  status_.last_error = std::move(error);
  status_.last_scrape = outcome.time;
  status_.last_duration_seconds = outcome.duration_seconds;
}

Result<void> ScrapeLoop::append_page(const io::HttpClientResponse& response, TimeMs time,
                                     std::span<SeriesEntry* const> before, Appender& appender,
                                     Counts& counts) {
  TRY(check_content_type(response, *options_));
  using Parser = exposition::TextParser;
  Parser parser(response.body);
  std::vector<SeriesEntry*> order;
  order.reserve(before.size());
  size_t place = 0;  // on the page before
  Metadata unknown;
  const Metadata* metadata = &unknown;
  // HELP and TYPE make a family, in one order or the other: it is told of when another thing comes.
  const std::string* untold = nullptr;
  const auto tell = [&] {
    if (untold != nullptr) appender.set_metadata(*untold, families_.find(*untold)->second);
    untold = nullptr;
  };
  Pending pending;
  for (;;) {
    const std::string_view expected =
        place < before.size() ? std::string_view(before[place]->first) : std::string_view();
    parser.expect(expected);
    const Parser::Entry entry = TRY(parser.next());
    if (entry == Parser::Entry::End) break;
    if (entry != Parser::Entry::Sample) {
      const NotedFamily noted = note_family(parser, entry);
      if (untold != nullptr && *untold != noted.name) tell();
      if (noted.fresh) untold = &noted.name;
      metadata = &noted.metadata;
      continue;
    }
    if (untold != nullptr) tell();
    ++counts.scraped;
    SeriesEntry* found = parser.is_as_expected()
                             ? before[place]
                             : TRY(find_or_add(parser.series(), parser, *metadata, counts));
    CachedSeries& series = found->second;
    const bool repeated = series.seen == scrape_number_;
    if (!repeated) {
      place = series.born == scrape_number_ ? place : series.place + 1;
      series.place = static_cast<uint32_t>(order.size());
      order.push_back(found);
    }
    series.seen = scrape_number_;
    if (series.labels.empty()) continue;
    ++counts.kept;
    // The rest is counted, so that the report says by how much the limit was passed.
    if (options_->sample_limit > 0 && counts.kept > options_->sample_limit) continue;
    const bool own_time = options_->honor_timestamps && parser.time().has_value();
    if (repeated && !own_time) {
      metrics_.duplicates.add();
      continue;
    }
    series.timed = own_time;
    const Sample sample{own_time ? *parser.time() : time, parser.value()};
    if (series.ref != 0) {
      pending.samples.push_back({series.ref, sample});
      pending.series.push_back(&series);
    } else {
      TRY(append_sample(series, sample, appender));
    }
  }
  tell();
  TRY(append_pending(pending, appender));
  if (options_->sample_limit > 0 && counts.kept > options_->sample_limit) {
    metrics_.sample_limit.add();
    return fail(ErrorCode::LimitExceeded, "sample limit exceeded: {} samples, {} are allowed",
                counts.kept, options_->sample_limit);
  }
  order_ = std::move(order);
  return {};
}

Result<ScrapeLoop::SeriesEntry*> ScrapeLoop::find_or_add(std::string_view text,
                                                         const exposition::TextParser& parser,
                                                         const Metadata& metadata, Counts& counts) {
  std::string key(text);
  if (const auto found = series_.find(key); found != series_.end()) return &*found;
  LabelsBuilder builder;
  std::vector<std::string> empty;
  TRY(parser.labels(builder, &empty));
  if (metadata.type == MetricType::Histogram) normalize_border(builder, "le");
  if (metadata.type == MetricType::Summary) normalize_border(builder, "quantile");
  CachedSeries fresh{.labels = TRY(final_labels(builder, empty)), .born = scrape_number_};
  if (!fresh.labels.empty()) ++counts.added;
  return &*series_.emplace(std::move(key), std::move(fresh)).first;
}

/// What is known of the family after the line, which mostly says what it said the last time.
ScrapeLoop::NotedFamily ScrapeLoop::note_family(const exposition::TextParser& parser,
                                                exposition::TextParser::Entry entry) {
  auto found = families_.find(std::string_view(parser.family()));
  const bool first = found == families_.end();
  if (first) found = families_.try_emplace(parser.family()).first;
  Metadata& known = found->second;
  const bool is_help = entry == exposition::TextParser::Entry::Help;
  const bool is_type = entry == exposition::TextParser::Entry::Type;
  const bool same =
      (!is_help || known.help == parser.help()) && (!is_type || known.type == parser.type());
  if (is_help) known.help = parser.help();
  if (is_type) known.type = parser.type();
  return {found->first, known, first || !same};
}

Result<void> ScrapeLoop::append_pending(Pending& pending, Appender& appender) {
  appender.append_known(pending.samples, pending.refused);
  for (const size_t i : pending.refused) {
    TRY(append_sample(*pending.series[i], pending.samples[i].sample, appender));
  }
  return {};
}

Result<void> ScrapeLoop::append_sample(CachedSeries& series, const Sample& sample,
                                       Appender& appender) {
  auto appended = appender.append(series.ref, series.labels, sample);
  if (appended) {
    series.ref = *appended;
    return {};
  }
  switch (appended.error().code) {
    case ErrorCode::OutOfOrder:
    case ErrorCode::TooOld: metrics_.out_of_order.add(); return {};
    case ErrorCode::DuplicateSample: metrics_.duplicates.add(); return {};
    default: return std::unexpected(std::move(appended).error());
  }
}

/// The labels of a scraped series with the target's, after metric relabelling; empty when dropped.
Result<Labels> ScrapeLoop::final_labels(LabelsBuilder& scraped,
                                        const std::vector<std::string>& empty) const {
  for (const LabelView label : target_.labels) {
    const std::string existing(scraped.get(label.name));
    // An empty label is an answer, too: what was federated or pushed has no instance of its own.
    const bool said_empty = std::find(empty.begin(), empty.end(), label.name) != empty.end();
    if (options_->honor_labels && said_empty) continue;
    if (existing.empty()) {
      scraped.set(label.name, label.value);
      continue;
    }
    if (options_->honor_labels) continue;
    std::string renamed = std::string(kExportedPrefix) + std::string(label.name);
    while (!scraped.get(renamed).empty()) renamed.insert(0, kExportedPrefix);
    scraped.set(renamed, existing);
    scraped.set(label.name, label.value);
  }
  if (!relabel(options_->metric_relabel_configs, scraped)) return Labels{};
  if (scraped.get(kMetricName).empty()) {
    return fail(ErrorCode::BadData, "metric relabelling leaves a series without a name");
  }
  Labels labels = scraped.build();
  TRY(check_limits(labels));
  return labels;
}

Result<void> ScrapeLoop::check_limits(const Labels& labels) const {
  const ScrapeOptions& o = *options_;
  if (o.label_limit > 0 && labels.size() > o.label_limit) {
    return fail(ErrorCode::LimitExceeded,
                "label_limit exceeded (metric: {}, number of labels: {}, "
                "limit: {})",
                labels.get(kMetricName), labels.size(), o.label_limit);
  }
  if (o.label_name_length_limit == 0 && o.label_value_length_limit == 0) return {};
  for (const LabelView label : labels) {
    if (o.label_name_length_limit > 0 && label.name.size() > o.label_name_length_limit) {
      return fail(ErrorCode::LimitExceeded,
                  "label_name_length_limit exceeded (metric: {}, label "
                  "name: {}, length: {}, limit: {})",
                  labels.get(kMetricName), label.name, label.name.size(),
                  o.label_name_length_limit);
    }
    if (o.label_value_length_limit > 0 && label.value.size() > o.label_value_length_limit) {
      return fail(ErrorCode::LimitExceeded,
                  "label_value_length_limit exceeded (metric: {}, label "
                  "name: {}, length: {}, limit: {})",
                  labels.get(kMetricName), label.name, label.value.size(),
                  o.label_value_length_limit);
    }
  }
  return {};
}

/// Ends the series that were in an earlier page and not in this one.
void ScrapeLoop::mark_stale(TimeMs time, Appender& appender) {
  if (order_.size() == series_.size()) return;  // all were on the page
  for (const auto& [text, series] : series_) {
    if (series.seen == scrape_number_) continue;
    if (!series.labels.empty() && !series.timed && series.ref != 0) {
      // A newer sample than this one is there already: then the series is somebody else's by now.
      auto ended = appender.append(series.ref, series.labels, {time, kStale});
      if (!ended) metrics_.out_of_order.add();
    }
  }
}

void ScrapeLoop::forget_ended() {
  if (order_.size() == series_.size()) return;
  std::erase_if(series_, [&](const auto& entry) { return entry.second.seen != scrape_number_; });
}

Result<void> ScrapeLoop::report(const Outcome& outcome, const Counts& counts, bool up,
                                Appender& appender) {
  const std::array<std::pair<std::string_view, double>, 5> samples = {{
      {"up", up ? 1 : 0},
      {"scrape_duration_seconds", outcome.duration_seconds},
      {"scrape_samples_scraped", static_cast<double>(counts.scraped)},
      {"scrape_samples_post_metric_relabeling", static_cast<double>(counts.kept)},
      {"scrape_series_added", static_cast<double>(counts.added)},
  }};
  for (const auto& [name, value] : samples) {
    CachedSeries& series = report_series_[std::string(name)];
    if (series.labels.empty()) {
      LabelsBuilder builder(target_.labels);
      series.labels = builder.set(kMetricName, name).build();
    }
    TRY(append_sample(series, {outcome.time, value}, appender));
  }
  return {};
}

Result<void> ScrapeLoop::end(TimeMs time) {
  const std::unique_ptr<Appender> appender = storage_.appender();
  ++scrape_number_;
  order_.clear();
  mark_stale(time, *appender);
  for (auto& [name, series] : report_series_) {
    TRY(append_sample(series, {time, kStale}, *appender));
  }
  TRY(appender->commit());
  forget_ended();
  report_series_.clear();
  return {};
}

}  // namespace prom5::scrape
