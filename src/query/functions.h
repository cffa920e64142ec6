#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace prom5::query {

enum class ValueType : uint8_t { None, Scalar, InstantVector, RangeVector, String };

/// "scalar", "instant vector", "range vector", "string", "none": the words of error messages.
std::string_view describe(ValueType type);

/// What the rest of the program may know of a PromQL function; the table is kFunctions[] in
/// query/promql.
struct FunctionInfo {
  std::string_view name;
  std::vector<ValueType> arguments;
  /// How many of the last argument: 0 exactly as listed; n > 0 the last may be left out or repeated
  /// up to n times; -1 any number of times.
  int variadic = 0;
  ValueType result = ValueType::InstantVector;
  bool experimental = false;
  std::string_view help;
};

/// Every function, by name.
std::span<const FunctionInfo> functions();

}  // namespace prom5::query
