#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace prom5 {

/// What went wrong, coarse enough that every door (HTTP, command line, log) can map it in one
/// switch.
enum class ErrorCode : uint8_t {
  BadData,           ///< the caller's input is malformed: query, parameter, body, configuration
  Execution,         ///< a well-formed request that cannot be carried out on this data
  Timeout,           ///< the deadline passed
  Canceled,          ///< the caller went away
  LimitExceeded,     ///< a configured limit turned the work away
  NotFound,          ///< no such thing
  NotAcceptable,     ///< the requested content type cannot be produced
  UnsupportedMedia,  ///< the given content type or encoding is not understood
  Unavailable,       ///< switched off or not ready
  OutOfOrder,        ///< a sample older than the newest of its series, outside the allowed window
  DuplicateSample,   ///< same series and timestamp with another value
  TooOld,            ///< a sample before the out-of-order window
  Corruption,        ///< stored bytes do not match their checksum or format
  Io,                ///< the operating system refused
  Internal,          ///< a defect of our own that could be contained
};

/// The code's name as it appears in logs: "bad_data", "execution", …
std::string_view to_string(ErrorCode code);

/// A code and one sentence that names the thing and the place:
/// "wal segment 7, offset 4096: checksum mismatch".
struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Builds the error side of any Result: `return fail(ErrorCode::BadData, "label {}: empty", name);`
template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                          Args&&... args) {
  return std::unexpected(Error{code, fmt::vformat(format, fmt::make_format_args(args...))});
}

/// The same error with the place in front: "wal: segment 7: checksum mismatch".
[[nodiscard]] std::unexpected<Error> fail_at(std::string_view place, const Error& error);

namespace internal {
template <typename T>
T take(Result<T>&& result) {
  return std::move(*result);
}
inline void take(Result<void>&& /*result*/) {}
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace internal

}  // namespace prom5

/// The value of a Result, or return its error from the enclosing function.
/// A GNU statement expression, which both compilers used here have: it keeps the call and the
/// value on one line.
#define TRY(...)                                                            \
  ({                                                                        \
    auto try_result = (__VA_ARGS__);                                        \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
    ::prom5::internal::take(std::move(try_result));                         \
  })

/// Ends the process when an invariant of our own is broken. Never for anything that a user, a file
/// or a peer can cause.
#define CHECK(condition)                                                               \
  do {                                                                                 \
    if (!(condition)) ::prom5::internal::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
