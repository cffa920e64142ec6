#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ask/llm/private_text.h"
#include "io/codec/json.h"

namespace prom5::llm {

/// Replaces what is private by placeholders, "[email 1]", before a conversation leaves the machine,
/// and puts the originals back into what comes from outside. The same original has the same
/// placeholder everywhere. restore(scrub(x)) is x, for texts and JSON documents, but for secrets
/// that are known from the start. One thread.
class Scrubber {
 public:
  /// known: secrets that are replaced wherever they stand, whatever they look like, and are never
  /// put back.
  explicit Scrubber(PrivateOptions options = {}, const std::vector<std::string>& known = {});

  /// Finds what is private without replacing anything: an original that can be told by its
  /// surroundings in one text is then replaced in all others, where it stands as a word.
  void learn(std::string_view text);
  void learn_json(const Json& json);

  std::string scrub(std::string_view text);
  /// Keys and strings. Below a key that names a secret every string is one; strings of samples
  /// (arrays under "value" and "values") stay, as long as they are numbers.
  Json scrub_json(const Json& json);

  /// Placeholders that were never given out stay as they are.
  [[nodiscard]] std::string restore(std::string_view text) const;
  /// In strings under "promql", originals are escaped as strings of PromQL want it.
  [[nodiscard]] Json restore_json(const Json& json) const;

  /// Different originals found so far, by PrivateKind; those known from the start are not counted.
  static constexpr size_t kKinds = 7;
  [[nodiscard]] const std::array<size_t, kKinds>& counts() const { return counts_; }

 private:
  enum class Place : uint8_t { Text, Secret, Samples };

  const std::string& placeholder(PrivateKind kind, std::string_view original);
  void replace_known(std::string_view text, std::string& out) const;
  std::string scrub_string(const std::string& text, Place place);
  Json scrub_json(const Json& json, Place place);
  Json restore_json(const Json& json, bool quoted) const;
  [[nodiscard]] std::string restore(std::string_view text, bool quoted) const;

  const PrivateOptions options_;
  std::map<std::string, std::string, std::less<>> placeholders_;  // by original
  std::map<std::string, std::string, std::less<>> originals_;     // by placeholder
  std::unordered_map<uint64_t, std::vector<std::string>> known_;  // originals by their first bytes
  std::array<size_t, kKinds> counts_{};
  size_t known_from_start_ = 0;  // secrets all; their numbers are taken
};

}  // namespace prom5::llm
