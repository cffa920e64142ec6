#pragma once

#include <string>
#include <string_view>

#include "ask/texts/languages.h"
#include "base/time.h"

namespace prom5::llm {

/// A value with its unit as people say it: "87.3 %", "1.2 GiB", "3 h 20 min".
std::string say_value(double value, std::string_view unit,
                      const texts::TextCatalogue& texts = texts::english());

/// "14:05" of today's question, with the date when it is another day. UTC.
std::string say_time(TimeMs time, TimeMs now);
/// The same to the second: "14:05:10".
std::string say_second(TimeMs time, TimeMs now);

/// A number of seconds: "3 h 20 min".
std::string say_seconds(double value, const texts::TextCatalogue& texts);

/// At most three significant digits, no exponent.
std::string short_number(double value);

}  // namespace prom5::llm
