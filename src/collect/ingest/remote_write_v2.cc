// Version 2 of remote write: texts stand once in a message, and series refer to them.

#include "collect/ingest/remote_write.h"
#include "io/codec/protobuf.h"
#include "io/codec/utf8.h"
#include "model/exposition/histogram_wire.h"
#include "model/exposition/sample_wire.h"

namespace prom5::ingest {

namespace {

using codec::ProtoField;
using Symbols = std::vector<std::string_view>;

struct SeriesMessage {
  std::vector<uint64_t> label_refs;
  std::vector<std::string_view> samples;
  std::vector<std::string_view> histograms;
  std::vector<std::string_view> exemplars;
  std::string_view metadata;
};

Result<SeriesMessage> read_series(std::string_view message) {
  SeriesMessage out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: return exposition::read_varints(f, out.label_refs);
      case 2: out.samples.push_back(f.bytes); break;
      case 3: out.histograms.push_back(f.bytes); break;
      case 4: out.exemplars.push_back(f.bytes); break;
      case 5: out.metadata = f.bytes; break;
      default: break;
    }
    return {};
  }));
  return out;
}

Result<std::string_view> symbol(const Symbols& symbols, uint64_t ref) {
  if (ref < symbols.size()) return symbols[ref];
  return fail(ErrorCode::Execution, "symbol reference {} is out of range: there are {} symbols",
              ref, symbols.size());
}

/// Execution when a reference or a label breaks a rule, which costs its series.
Result<Labels> read_labels(const std::vector<uint64_t>& refs, const Symbols& symbols, bool named) {
  if (refs.size() % 2 != 0) {
    return fail(ErrorCode::Execution, "labels_refs has an odd length of {}", refs.size());
  }
  if (refs.size() / 2 > Labels::kMaxLabels) {
    return fail(ErrorCode::Execution, "series has {} labels, more than {}", refs.size() / 2,
                Labels::kMaxLabels);
  }
  // One long symbol, named by many labels, is many times as long in memory.
  constexpr size_t kMaxLabelBytes = size_t{1} << 20;
  size_t bytes = 0;
  LabelsBuilder labels;
  for (size_t i = 0; i < refs.size(); i += 2) {
    const std::string_view name = TRY(symbol(symbols, refs[i]));
    const std::string_view value = TRY(symbol(symbols, refs[i + 1]));
    bytes += name.size() + value.size();
    if (bytes > kMaxLabelBytes) {
      return fail(ErrorCode::Execution, "the labels of a series are longer than {} bytes",
                  kMaxLabelBytes);
    }
    if (name.empty()) return fail(ErrorCode::Execution, "a label has no name");
    if (std::max(name.size(), value.size()) > Labels::kMaxStringBytes) {
      return fail(ErrorCode::Execution, "label {} is too long", name.substr(0, 100));
    }
    if (!codec::utf8_valid(name) || !codec::utf8_valid(value)) {
      return fail(ErrorCode::Execution, "label name or value is not valid UTF-8");
    }
    if (!labels.get(name).empty()) {
      return fail(ErrorCode::Execution, "label name \"{}\" is not unique", name);
    }
    labels.set(name, value);
  }
  if (named && labels.get(kMetricName).empty()) {
    return fail(ErrorCode::Execution, "series has no metric name");
  }
  return labels.build();
}

Result<Exemplar> read_exemplar(std::string_view message, const Symbols& symbols) {
  Exemplar out;
  std::vector<uint64_t> refs;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1: return exposition::read_varints(f, refs);
      case 2: out.value = f.as_double(); break;
      case 3: out.time = {f.as_int64()}; break;
      default: break;
    }
    return {};
  }));
  out.labels = TRY(read_labels(refs, symbols, false));
  return out;
}

struct FamilyMessage {
  Metadata metadata;
  bool known = false;
};

Result<FamilyMessage> read_metadata(std::string_view message, const Symbols& symbols) {
  FamilyMessage out;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    switch (f.number) {
      case 1:
        if (f.bits <= static_cast<uint64_t>(MetricType::StateSet)) {
          out.metadata.type = static_cast<MetricType>(f.bits);
        }
        break;
      case 3: out.metadata.help = TRY(symbol(symbols, f.bits)); break;
      case 4: out.metadata.unit = TRY(symbol(symbols, f.bits)); break;
      default: break;
    }
    return {};
  }));
  out.known = out.metadata != Metadata{};
  return out;
}

/// With the labels that tell type and unit, instead of those that it came with.
Labels typed(const Labels& labels, const Metadata& metadata) {
  if (metadata.type == MetricType::Unknown && metadata.unit.empty()) return labels;
  LabelsBuilder builder(labels);
  builder.remove(kTypeLabel).remove(kUnitLabel);
  set_type_and_unit(metadata.type, metadata.unit, builder);
  return builder.build();
}

/// The family of a series of this type: histograms and summaries have series of other names.
std::string_view family_of(std::string_view name, MetricType type) {
  const bool parts = type == MetricType::Histogram || type == MetricType::Summary ||
                     type == MetricType::GaugeHistogram;
  if (!parts) return name;
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

}  // namespace

Result<RemoteWriteReceiver::Outcome> RemoteWriteReceiver::store_v2(std::string_view message) {
  Symbols symbols;
  std::vector<std::string_view> series;
  bool other_version = false;
  TRY(codec::each_field(message, [&](const ProtoField& f) -> Result<void> {
    if (f.number == 4) symbols.push_back(f.bytes);
    if (f.number == 5) series.push_back(f.bytes);
    other_version = other_version || f.number == 1 || f.number == 3;
    return {};
  }));
  if (other_version) {
    return fail(ErrorCode::BadData,
                "this is a prometheus.WriteRequest under the Content-Type of version 2");
  }
  if (!series.empty() && (symbols.empty() || !symbols[0].empty())) {
    return fail(ErrorCode::BadData, "symbols must begin with the empty text");
  }
  const std::unique_ptr<Appender> appender = storage_.appender();
  Outcome outcome;
  outcome.latest = clock_.now() + options_.max_ahead;
  for (const std::string_view one : series) {
    TRY(store_series_v2(one, symbols, *appender, outcome));
  }
  TRY(appender->commit());
  samples_.add(outcome.stored);
  refused_.add(outcome.refused);
  return outcome;
}

Result<void> RemoteWriteReceiver::store_series_v2(std::string_view message, const Symbols& symbols,
                                                  Appender& appender, Outcome& outcome) {
  const SeriesMessage series = TRY(read_series(message));
  const size_t parts = series.samples.size() + series.histograms.size();
  const auto read = read_labels(series.label_refs, symbols, true);
  if (!read) {
    outcome.refuse(std::max<size_t>(1, parts), read.error(), {});
    exemplars_refused_.add(series.exemplars.size());
    return {};
  }
  const auto metadata = read_metadata(series.metadata, symbols);
  const bool typing = options_.type_and_unit_labels && metadata.has_value();
  const Labels with_type = typing ? typed(*read, metadata->metadata) : Labels();
  const Labels& labels = typing ? with_type : *read;
  outcome.label_bytes += labels.bytes().size();
  if (outcome.label_bytes > 4 * options_.max_body_bytes) {
    return fail(ErrorCode::BadData, "the labels of the request's series are too long together");
  }
  if (parts == 0) {
    outcome.refuse(1, {ErrorCode::Execution, "series has neither samples nor histograms"}, labels);
  }
  SeriesRef ref = 0;
  const auto append = [&](TimeMs time, size_t& counter, const auto& store) {
    Result<SeriesRef> appended =
        time <= outcome.latest
            ? store()
            : Result<SeriesRef>(fail(ErrorCode::Execution,
                                     "out of bounds: the sample is {} in the future",
                                     format_duration(time - clock_.now())));
    if (!appended) return outcome.refuse(1, appended.error(), labels);
    ref = *appended;
    ++outcome.stored;
    ++counter;
  };
  for (const std::string_view bytes : series.samples) {
    const auto [sample, start] = TRY(exposition::read_sample(bytes));
    append(sample.time, outcome.samples,
           [&] { return appender.append(ref, labels, sample, start); });
  }
  for (const std::string_view bytes : series.histograms) {
    const auto histogram = exposition::read_histogram(bytes);
    if (!histogram && histogram.error().code != ErrorCode::Execution) {
      return std::unexpected(histogram.error());
    }
    if (!histogram) {
      outcome.refuse(1, histogram.error(), labels);
      continue;
    }
    append(histogram->time, outcome.histograms, [&] {
      return appender.append_histogram(ref, labels, histogram->time, histogram->histogram,
                                       histogram->start);
    });
  }
  for (const std::string_view bytes : series.exemplars) {
    const auto exemplar = read_exemplar(bytes, symbols);
    if (!exemplar && exemplar.error().code != ErrorCode::Execution) {
      return std::unexpected(exemplar.error());
    }
    const Result<void> kept = exemplar ? appender.append_exemplar(labels, *exemplar)
                                       : Result<void>(std::unexpected(exemplar.error()));
    if (kept) {
      ++outcome.exemplars;
      continue;
    }
    exemplars_refused_.add();
    if (kept.error().code == ErrorCode::DuplicateSample) continue;
    outcome.complaint = fmt::format("{}: exemplar: {}", labels.to_string(), kept.error().message);
  }
  if (!metadata) {
    outcome.complaint =
        fmt::format("{}: metadata: {}", labels.to_string(), metadata.error().message);
  } else if (metadata->known) {
    appender.set_metadata(family_of(labels.get(kMetricName), metadata->metadata.type),
                          metadata->metadata);
  }
  return {};
}

}  // namespace prom5::ingest
