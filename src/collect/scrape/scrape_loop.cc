#include "collect/scrape/scrape_loop.h"

#include <cmath>
#include <unordered_set>

#include "io/codec/utf8.h"

namespace prom5::scrape {

namespace {

constexpr std::string_view kExportedPrefix = "exported_";

}  // namespace

std::string after_redirects(const io::HttpClientResponse& response) {
  return response.redirected_to.empty() ? "" : " after a redirect to " + response.redirected_to;
}

ScrapeMetrics::ScrapeMetrics(MetricRegistry& m)
    : scrapes(m.counter("prom5_scrape_scrapes_total", "Scrapes of all targets.")),
      failures(m.counter("prom5_scrape_failures_total", "Scrapes that failed.")),
      body_too_large(m.counter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                               "Total number of scrapes that hit the body size limit")),
      sample_limit(m.counter("prometheus_target_scrapes_exceeded_sample_limit_total",
                             "Total number of scrapes that hit the sample limit and were "
                             "rejected.")),
      label_limits(m.counter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                             "Total number of times scrape pools hit the label limits, during "
                             "sync or scrape.")),
      native_bucket_limit(
          m.counter("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
                    "Total number of scrapes that hit the native histogram bucket limit and were "
                    "rejected.")),
      duplicates(m.counter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                           "Total number of samples rejected due to duplicate timestamps but "
                           "different values.")),
      out_of_order(m.counter("prometheus_target_scrapes_sample_out_of_order_total",
                             "Total number of samples rejected due to not being out of the "
                             "expected order.")),
      out_of_bounds(m.counter("prometheus_target_scrapes_sample_out_of_bounds_total",
                              "Total number of samples rejected due to timestamp falling outside "
                              "of the time bounds.")),
      exemplars_out_of_order(
          m.counter("prometheus_target_scrapes_exemplar_out_of_order_total",
                    "Total number of exemplar rejected due to not being out of the expected "
                    "order.")) {}

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
  std::string error;
  Counts counts;
  cache_.begin_page();
  for (CustomSeries& series : custom_series_) series.on_page = false;
  std::unique_ptr<Appender> appender = storage_.appender();
  if (!outcome.response) {
    error = outcome.response.error().message;
    if (outcome.response.error().code == ErrorCode::LimitExceeded) {
      metrics_.body_too_large.add();
      counts.too_large = true;
    }
  } else if (outcome.response->status != 200) {
    error = fmt::format("server returned HTTP status {} {}{}", outcome.response->status,
                        io::reason_phrase(outcome.response->status),
                        after_redirects(*outcome.response));
  } else {
    counts.bytes = outcome.response->body.size();
    const auto appended = append_page(*outcome.response, outcome.time, *appender, counts);
    if (!appended) {
      // A page is stored whole or not at all.
      counts.added = 0;
      cache_.refuse_page();
      for (CustomSeries& series : custom_series_) series.on_page = false;
      error = appended.error().message;
      appender = storage_.appender();
    }
  }
  mark_stale(outcome.time, *appender);
  const bool up = error.empty();
  if (!up) metrics_.failures.add();
  Result<void> stored = report(outcome, counts, up, *appender);
  if (stored) stored = appender->commit();
  // Until the marks are stored the series are known, to be ended by the next scrape.
  stored ? keep_page(!up) : cache_.forget();
  set_status(outcome, counts, stored ? error : stored.error().message);
  return stored;
}

void ScrapeLoop::set_status(const Outcome& outcome, const Counts& counts, std::string error) {
  const MutexLock lock(status_mutex_);
  status_.health = error.empty() ? "up" : "down";
  status_.last_error = std::move(error);
  status_.last_scrape = outcome.time;
  status_.last_duration_seconds = outcome.duration_seconds;
  status_.last_samples = counts.scraped;
  status_.last_bytes = counts.bytes;
}

template <typename Append>
Result<void> ScrapeLoop::append_line(Line& line, Append append) {
  if (line.ref != 0) {
    const Result<SeriesRef> appended = append(line.ref, Labels{});
    if (appended || appended.error().code != ErrorCode::NotFound) {
      return settle(line.ref, appended);
    }
  }
  return settle(line.ref, append(SeriesRef{0}, TRY(labels_of(line))));
}

Result<void> ScrapeLoop::append_sample(Line& line, const Sample& sample, TimeMs start,
                                       Appender& appender) {
  return append_line(line, [&](SeriesRef ref, const Labels& labels) {
    return appender.append(ref, labels, sample, start);
  });
}

Result<void> ScrapeLoop::append_histogram(Line& line, TimeMs time, const Histogram& histogram,
                                          TimeMs start, Appender& appender) {
  line.histogram = true;
  return append_line(line, [&](SeriesRef ref, const Labels& labels) {
    return appender.append_histogram(ref, labels, time, histogram, start);
  });
}

void ScrapeLoop::Pending::push(const RefSample& sample, TimeMs start, uint32_t place) {
  samples.push_back(sample);
  places.push_back(place);
  if (start != kNoStart || !starts.empty()) set_start(samples.size() - 1, start);
}

void ScrapeLoop::Pending::set_start(size_t i, TimeMs start) {
  starts.resize(samples.size(), kNoStart);
  starts[i] = start;
}

Result<void> ScrapeLoop::append_pending(Pending& pending, Appender& appender) {
  take_created(pending);
  const std::vector<TimeMs>& starts = pending.starts;
  appender.append_known(pending.samples, starts, pending.refused);
  for (const size_t i : pending.refused) {
    TRY(append_sample(cache_.line(pending.places[i]), pending.samples[i].sample,
                      starts.empty() ? kNoStart : starts[i], appender));
  }
  for (const Pending::Fresh& fresh : pending.fresh) {
    Line& line = cache_.line(fresh.place);
    TRY(fresh.labels.empty()
            ? append_sample(line, fresh.sample, fresh.start, appender)
            : settle(line.ref, appender.append(0, fresh.labels, fresh.sample, fresh.start)));
  }
  return {};
}

/// OpenMetrics tells the start of a metric in a sample of its own, wherever that stands.
void ScrapeLoop::take_created(Pending& pending) {
  if (pending.created.empty()) return;
  const auto start_of = [&](uint32_t place) {
    const Line& line = cache_.line(place);
    return line.created ? kNoStart : pending.created_of(line.metric);
  };
  for (size_t i = 0; i < pending.samples.size(); ++i) {
    const TimeMs start = start_of(pending.places[i]);
    if (start != kNoStart) pending.set_start(i, start);
  }
  for (Pending::Fresh& fresh : pending.fresh) fresh.start = start_of(fresh.place);
}

Result<void> ScrapeLoop::settle(SeriesRef& ref, const Result<SeriesRef>& appended) {
  if (appended) {
    ref = *appended;
    return {};
  }
  const ErrorCode code = appended.error().code;
  const bool late = code == ErrorCode::OutOfOrder || code == ErrorCode::DuplicateSample;
  if (ending_ && late) return {};
  switch (code) {
    case ErrorCode::OutOfOrder: metrics_.out_of_order.add(); return {};
    case ErrorCode::TooOld: metrics_.out_of_bounds.add(); return {};
    case ErrorCode::DuplicateSample: metrics_.duplicates.add(); return {};
    default: return std::unexpected(appended.error());
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
  constexpr size_t kShown = 100;
  const auto refuse = [&](std::string_view limit, std::string_view what, size_t n, uint64_t most) {
    metrics_.label_limits.add();
    return fail(ErrorCode::LimitExceeded, "{} exceeded (metric: {}, {}: {}, limit: {})", limit,
                codec::utf8_front(labels.get(kMetricName), kShown), what, n, most);
  };
  if (o.label_limit > 0 && labels.size() > o.label_limit) {
    return refuse("label_limit", "number of labels", labels.size(), o.label_limit);
  }
  if (o.label_name_length_limit == 0 && o.label_value_length_limit == 0) return {};
  for (const LabelView label : labels) {
    const auto named = [&](std::string_view what) {
      return fmt::format("label name: {}, {}", codec::utf8_front(label.name, kShown), what);
    };
    if (o.label_name_length_limit > 0 && label.name.size() > o.label_name_length_limit) {
      return refuse("label_name_length_limit", named("length"), label.name.size(),
                    o.label_name_length_limit);
    }
    if (o.label_value_length_limit > 0 && label.value.size() > o.label_value_length_limit) {
      return refuse("label_value_length_limit", named("length"), label.value.size(),
                    o.label_value_length_limit);
    }
  }
  return {};
}

/// Ends the series that were on an earlier page and are not on this one.
void ScrapeLoop::mark_stale(TimeMs time, Appender& appender) {
  Histogram none;
  none.sum = kStale;
  for (const CustomSeries& series : custom_series_) {
    if (series.on_page || series.ref == 0 || series.timed) continue;
    const auto ended = appender.append_histogram(series.ref, series.labels, time, none);
    if (!ended) metrics_.out_of_order.add();
  }
  if (cache_.is_whole()) return;
  // A series may stand on the page by another text than before.
  std::unordered_set<SeriesRef> here;
  for (const Line& line : cache_.lines()) {
    if (cache_.on_page(line)) here.insert(line.ref);
  }
  for (Line& line : cache_.lines()) {
    if (line.kind != LineCache::Kind::Series || line.timed) continue;
    if (line.ref == 0 || here.contains(line.ref)) continue;
    // Refused where a newer sample is there already: the series is somebody else's by now.
    const auto ended = line.histogram ? append_histogram(line, time, none, kNoStart, appender)
                                      : append_sample(line, {time, kStale}, kNoStart, appender);
    if (!ended) metrics_.out_of_order.add();
  }
}

/// The page is what the next one is compared with.
void ScrapeLoop::keep_page(bool refused) {
  for (CustomSeries& series : custom_series_) {
    if (!series.on_page) series.ref = 0;  // it is ended
  }
  if (cache_.keep() || refused) forget_groups();
}

/// Histograms of which no line is left, and those that a refused page brought.
void ScrapeLoop::forget_groups() {
  std::vector<bool> used(custom_buckets_.groups().size());
  custom_series_.resize(used.size());
  const auto each_group = [this](const auto& visit) {
    for (Line& line : cache_.lines()) {
      if (line.detail && line.detail->bucket) visit(line.detail->bucket->group);
    }
  };
  each_group([&](uint32_t& group) { used[group] = true; });
  const std::vector<uint32_t> now_at = custom_buckets_.keep(used);
  each_group([&](uint32_t& group) { group = now_at[group]; });
  for (uint32_t i = 0; i < used.size(); ++i) {
    if (used[i] && now_at[i] != i) custom_series_[now_at[i]] = std::move(custom_series_[i]);
  }
  custom_series_.resize(custom_buckets_.groups().size());
}

Result<void> ScrapeLoop::append_report(size_t series, const Sample& sample, Appender& appender) {
  SeriesRef& ref = report_refs_[series];
  if (ref != 0) {
    const Result<SeriesRef> appended = appender.append(ref, {}, sample);
    if (appended || appended.error().code != ErrorCode::NotFound) return settle(ref, appended);
  }
  LabelsBuilder labels(target_.labels);
  labels.set(kMetricName, kReportSeries[series]);
  return settle(ref, appender.append(0, labels.build(), sample));
}

Result<void> ScrapeLoop::report(const Outcome& outcome, const Counts& counts, bool up,
                                Appender& appender) {
  const std::array<double, kReportSeries.size()> values = {
      up ? 1.0 : 0.0,
      outcome.duration_seconds,
      static_cast<double>(counts.scraped),
      static_cast<double>(counts.kept),
      static_cast<double>(counts.added),
      target_.timeout.as_seconds(),
      static_cast<double>(options_->sample_limit),
      counts.too_large ? -1.0 : static_cast<double>(counts.bytes),
  };
  const size_t reported = options_->extra_metrics ? values.size() : kAlwaysReported;
  for (size_t i = 0; i < reported; ++i) {
    TRY(append_report(i, {outcome.time, values[i]}, appender));
  }
  return {};
}

Result<void> ScrapeLoop::end(TimeMs time) {
  const std::unique_ptr<Appender> appender = storage_.appender();
  ending_ = true;
  cache_.begin_page();
  for (CustomSeries& series : custom_series_) series.on_page = false;
  mark_stale(time, *appender);
  for (size_t i = 0; i < report_refs_.size(); ++i) {
    if (report_refs_[i] != 0) TRY(append_report(i, {time, kStale}, *appender));
  }
  TRY(appender->commit());
  keep_page(true);
  report_refs_ = {};
  return {};
}

}  // namespace prom5::scrape
