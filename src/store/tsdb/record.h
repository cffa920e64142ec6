#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "io/codec/bytes.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/metadata.h"
#include "model/sample.h"
#include "store/storage.h"

namespace prom5::tsdb {

// Payloads of WAL records: a sequence of sections, each a type byte and a count (docs/formats/
// wal.md). Times are deltas to the time before, refs deltas to the ref before, both zigzag.
//
//   1 series       ref, number of labels, (name, value)…
//   2 samples      columns of refs and times, packed values
//   3 histograms   ref, time, histogram
//   4 metadata     family, type, help, unit
//   6 exemplars    labels of the series, labels, value, time
//   7 starts       ref, time, start timestamp, whether of that sample alone
//   8 gone         time
//   9 selections   first time, last time, number of matchers, (type, name, value)…

struct SeriesDefinition {
  SeriesRef ref = 0;
  Labels labels;
};

struct RefHistogram {
  SeriesRef ref = 0;
  TimeMs time;
  std::shared_ptr<const Histogram> histogram;
};

/// What changes in the start timestamps of a series (store/tsdb/start_times.h).
struct RefStart {
  SeriesRef ref = 0;
  TimeMs time;
  TimeMs start;
  bool alone = false;  ///< of the sample at `time`, and not of those that follow
};

/// Samples that are deleted, of all series that match.
struct SelectedRange {
  std::vector<Matcher> matchers;
  TimeRange range;
};

/// With the labels of its series: they are few, and the series need not be in the head.
struct NamedExemplar {
  Labels series;
  Exemplar exemplar;
};

struct FamilyMetadata {
  std::string family;
  Metadata metadata;
};

void encode_series(const std::vector<SeriesDefinition>& series, std::string& out);
void encode_samples(std::span<const RefSample> samples, std::string& out);
void encode_histograms(const std::vector<RefHistogram>& histograms, std::string& out);
void encode_selections(std::span<const SelectedRange> selections, std::string& out);
void encode_metadata(const std::vector<FamilyMetadata>& metadata, std::string& out);
void encode_exemplars(const std::vector<NamedExemplar>& exemplars, std::string& out);
void encode_starts(const std::vector<RefStart>& starts, std::string& out);
void encode_gone(TimeMs before, std::string& out);

struct Record {
  std::vector<SeriesDefinition> series;
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  std::vector<FamilyMetadata> metadata;
  std::vector<SelectedRange> selections;  ///< of samples in earlier records
  std::vector<NamedExemplar> exemplars;
  std::vector<RefStart> starts;
  /// Samples in earlier records that are older were in blocks, which may be gone.
  TimeMs gone_before = TimeMs::min();

  /// Of its samples; start > end when there are none.
  [[nodiscard]] TimeRange range() const;
};

// One histogram, as in section 3; blocks hold them so, too.
void encode_histogram(const Histogram& histogram, std::string& out);
Result<Histogram> decode_histogram(codec::ByteReader& in);

/// Corruption when the payload does not follow the format. The samples take the memory of
/// `spare`, which is empty.
Result<Record> decode_record(std::string_view payload, std::vector<RefSample> spare = {});

}  // namespace prom5::tsdb
