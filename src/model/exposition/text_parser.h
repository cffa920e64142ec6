#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/metadata.h"

namespace prom5::exposition {

/// An exemplar as a page has it.
struct PageExemplar {
  Labels labels;
  double value = 0;
  std::optional<TimeMs> time;
};

/// A metric family as its comment lines describe it.
struct PageFamily {
  std::string name;
  Metadata metadata;
  size_t types = 0;  ///< how many of the lines tell a type
};

/// Reads a page in the Prometheus text format, version 0.0.4 and 1.0.0 (quoted UTF-8 names), or in
/// the OpenMetrics format as a scrape takes it, one entry a call, without copying: views point into
/// the page. (OpenMetricsParser is the strict one.)
///
/// An entry's identity (`text()`) is the page's own text, so that a caller who has seen the text
/// before need not take it apart again. Sources:
/// prometheus.io/docs/instrumenting/exposition_formats, prometheus model/textparse.
class TextParser {
 public:
  /// Histogram: a native one, which only ProtobufParser has.
  enum class Entry : uint8_t { Sample, Histogram, Family, End };
  enum class Format : uint8_t { Text, OpenMetrics };

  explicit TextParser(std::string_view page, Format format = Format::Text)
      : page_(page), rest_(page), line_(page), open_metrics_(format == Format::OpenMetrics) {}

  [[nodiscard]] bool is_open_metrics() const { return open_metrics_; }

  /// The next entry; other comments and blank lines are passed over. BadData with "line N: …".
  Result<Entry> next();

  /// What names the entry: a sample's series as it is written, a family's lines one and all.
  [[nodiscard]] std::string_view text() const { return text_; }

  /// Tells the text() that the next entry probably has, as a page mostly has its lines in the same
  /// order as the page before: where it does, the text is compared instead of taken apart.
  /// `text` is what text() gave for another page, not empty, and stays where it is until next().
  void expect(std::string_view text) { expected_ = text; }
  /// Whether the entry has it.
  [[nodiscard]] bool is_as_expected() const { return as_expected_; }

  /// The family told of last; nameless before the first.
  [[nodiscard]] const PageFamily& family();

  // After Sample:
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::optional<TimeMs> time() const { return time_; }
  /// Fills `labels` with the sample's label set, __name__ included. BadData with "line N: …".
  /// `empty` gets the names of labels that are there with an empty value.
  Result<void> labels(LabelsBuilder& labels, std::vector<std::string>* empty = nullptr) const {
    return series_labels(text_, labels, empty);
  }
  /// The same for a text that text() gave.
  Result<void> series_labels(std::string_view series, LabelsBuilder& labels,
                             std::vector<std::string>* empty = nullptr) const;

  /// The sample's exemplar as it is written, empty when it has none; and taken apart, __name__
  /// excluded. BadData with "line N: …". One without a time has none.
  [[nodiscard]] std::string_view exemplar_text() const { return exemplar_; }
  [[nodiscard]] Result<PageExemplar> exemplar() const;

 private:
  /// One comment line that tells something of a family.
  struct Descriptor {
    enum class Kind : uint8_t { Help, Type, Unit };
    Kind kind = Kind::Help;
    std::string_view name;  ///< as it is written, in quotes or without
    std::string_view rest;
  };

  [[nodiscard]] std::unexpected<Error> error(std::string_view what, std::string_view at) const;
  std::string_view take_line();
  [[nodiscard]] bool is_expected() const;
  Result<Entry> take_expected();
  Result<std::optional<Descriptor>> descriptor(std::string_view line) const;
  Result<void> learn(const Descriptor& descriptor);
  void begin_family(std::string_view name);
  Result<void> take_family(const Descriptor& first, std::string_view line);
  void read_family();
  Result<void> sample(std::string_view line);
  Result<size_t> series_length(std::string_view line) const;
  Result<void> value_and_rest(std::string_view rest);
  Result<void> time_and_exemplar(std::string_view rest);
  /// Reads labels up to the closing brace, which it takes too. `named`, where given, tells whether
  /// there is a metric name, which may stand among them.
  Result<void> label_set(std::string_view& rest, LabelsBuilder& labels, bool* named,
                         std::vector<std::string>* empty) const;

  const std::string_view page_;
  std::string_view rest_;
  std::string_view line_;  ///< the one that is being read
  const bool open_metrics_;
  bool ended_ = false;  ///< by # EOF
  std::string_view text_;
  std::string_view expected_;
  bool as_expected_ = false;
  double value_ = 0;
  std::optional<TimeMs> time_;
  std::string_view exemplar_;
  PageFamily family_;
  std::string_view unread_family_;  ///< lines that family_ does not tell of yet
};

/// "counter" and so on; nothing for a word that is no type of the format.
std::optional<MetricType> parse_text_type(std::string_view word,
                                          TextParser::Format format = TextParser::Format::Text);

}  // namespace prom5::exposition
