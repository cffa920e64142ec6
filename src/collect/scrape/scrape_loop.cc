#include "collect/scrape/scrape_loop.h"

#include "io/codec/utf8.h"

namespace prom5::scrape {

namespace {

constexpr std::string_view kExportedPrefix = "exported_";

}  // namespace

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
  ++scrape_number_;
  std::string error;
  Counts counts;
  const std::vector<SeriesEntry*> before = std::exchange(order_, {});
  std::unique_ptr<Appender> appender = storage_.appender();
  if (!outcome.response) {
    error = outcome.response.error().message;
    if (outcome.response.error().code == ErrorCode::LimitExceeded) {
      metrics_.body_too_large.add();
      counts.too_large = true;
    }
  } else if (outcome.response->status != 200) {
    error = fmt::format("server returned HTTP status {} {}", outcome.response->status,
                        io::reason_phrase(outcome.response->status));
  } else {
    counts.bytes = outcome.response->body.size();
    const auto appended = append_page(*outcome.response, outcome.time, before, *appender, counts);
    if (!appended) {
      counts.added = 0;
      // What this page brought anew was never stored: there is nothing of it to end.
      std::erase_if(series_,
                    [&](const auto& entry) { return entry.second.born == scrape_number_; });
      families_.clear();  // what was told of them went with the batch
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

Result<void> ScrapeLoop::append_pending(Pending& pending, Appender& appender) {
  appender.append_known(pending.samples, pending.refused);
  for (const size_t i : pending.refused) {
    TRY(append_sample(*pending.series[i], pending.samples[i].sample, appender));
  }
  return {};
}

Result<void> ScrapeLoop::append_sample(CachedSeries& series, const Sample& sample,
                                       Appender& appender) {
  return settle(series, appender.append(series.ref, series.labels, sample));
}

Result<void> ScrapeLoop::append_histogram(CachedSeries& series, TimeMs time,
                                          const Histogram& histogram, Appender& appender) {
  series.histogram = true;
  return settle(series, appender.append_histogram(series.ref, series.labels, time, histogram));
}

Result<void> ScrapeLoop::settle(CachedSeries& series, const Result<SeriesRef>& appended) {
  if (appended) {
    series.ref = *appended;
    return {};
  }
  switch (appended.error().code) {
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

/// Ends the series that were in an earlier page and not in this one.
void ScrapeLoop::mark_stale(TimeMs time, Appender& appender) {
  const auto end = [&](CachedSeries& series) {
    if (series.labels.empty() || series.timed || series.ref == 0) return;
    Histogram none;
    none.sum = kStale;
    // A newer sample than this one is there already: then the series is somebody else's by now.
    const auto ended = series.histogram
                           ? appender.append_histogram(series.ref, series.labels, time, none)
                           : appender.append(series.ref, series.labels, {time, kStale});
    if (!ended) metrics_.out_of_order.add();
  };
  for (CachedSeries& series : custom_series_) {
    if (series.seen == scrape_number_ || series.ref == 0) continue;
    end(series);
    series.ref = 0;
  }
  if (order_.size() == series_.size()) return;  // all were on the page
  for (auto& [text, series] : series_) {
    if (series.seen != scrape_number_) end(series);
  }
}

void ScrapeLoop::forget_ended() {
  if (order_.size() == series_.size()) return;
  std::erase_if(series_, [&](const auto& entry) { return entry.second.seen != scrape_number_; });
}

Result<void> ScrapeLoop::report(const Outcome& outcome, const Counts& counts, bool up,
                                Appender& appender) {
  std::vector<std::pair<std::string_view, double>> samples = {
      {"up", up ? 1 : 0},
      {"scrape_duration_seconds", outcome.duration_seconds},
      {"scrape_samples_scraped", static_cast<double>(counts.scraped)},
      {"scrape_samples_post_metric_relabeling", static_cast<double>(counts.kept)},
      {"scrape_series_added", static_cast<double>(counts.added)},
  };
  if (options_->extra_metrics) {
    samples.emplace_back("scrape_timeout_seconds", target_.timeout.as_seconds());
    samples.emplace_back("scrape_sample_limit", static_cast<double>(options_->sample_limit));
    samples.emplace_back("scrape_body_size_bytes",
                         counts.too_large ? -1 : static_cast<double>(counts.bytes));
  }
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
