#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ask/catalogue/catalogue.h"

namespace prom5::catalogue {

/// A thing that a question names: "web-01", "the payment pods", "GET", "5xx".
struct Mention {
  std::string text;           ///< as it was written
  std::string folded;         ///< fold() of what was meant
  std::vector<Place> places;  ///< label values that it names
  std::string kind;           ///< canonical word for what it is, said beside it: "pod"; or empty
  std::string label;          ///< the label's name was said: "method POST"; or empty
  std::vector<std::string> prefixes;  ///< names of things may begin with it: "db" for "db-01"
  std::string regex;                  ///< what it stands for is a pattern: "5.." of "5xx"
  bool negated = false;
  bool names_thing = false;  ///< a host, a service, a database: not just a word some label has
};

/// A mention as one condition on a metric's series.
struct Binding {
  std::string label;
  std::vector<std::string> values;  ///< of which one must hold; or, when empty,
  std::string regex;                ///< the whole value
  bool negated = false;
  int strength = 0;  ///< how surely the label is the one that is meant
};

/// How a mention narrows a metric's series; nothing where it cannot.
std::optional<Binding> bind(const Mention& mention, const Metric& metric, const Lexicon& lexicon);

/// The label of the metric that tells things of this kind apart: a label's name or a canonical
/// word. Empty where there is none.
std::string label_of_kind(const std::string& kind, const Metric& metric, const Lexicon& lexicon);

/// A regular expression of just this text.
std::string escaped_regex(std::string_view text);

/// `a="b",c=~"d|e"`: bindings of one label that do not exclude are alternatives.
std::string to_matchers(std::vector<Binding> bindings);

}  // namespace prom5::catalogue
