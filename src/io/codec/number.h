#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prom5::codec {

/// Shortest decimal that reads back to the same bits, without an exponent: "0.1", "100", "NaN",
/// "+Inf", "-Inf".
void append_fixed(std::string& out, double value);
std::string format_fixed(double value);

/// The same digits, with an exponent below 1e-4 and from 1e21 on: "1e-07", "1e+21". The form of
/// numbers in PromQL text and in exposition ("le" labels, Go's %v).
void append_general(std::string& out, double value);
std::string format_general(double value);

/// The same digits, with an exponent below 1e-4 and from 1e6 on: Go's 'g'.
std::string format_compact(double value);

/// The same digits, with an exponent below 1e-6 and from 1e21 on: the form of sample values in
/// Prometheus' JSON.
void append_sample_value(std::string& out, double value);

/// A whole string as a float: decimal, exponent, hex, Inf and NaN in any case, with sign.
/// Nothing when anything is left over.
std::optional<double> parse_double(std::string_view text);

}  // namespace prom5::codec
