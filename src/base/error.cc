#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace prom5 {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::BadData: return "bad_data";
    case ErrorCode::Execution: return "execution";
    case ErrorCode::Timeout: return "timeout";
    case ErrorCode::Canceled: return "canceled";
    case ErrorCode::LimitExceeded: return "limit_exceeded";
    case ErrorCode::NotFound: return "not_found";
    case ErrorCode::NotAcceptable: return "not_acceptable";
    case ErrorCode::UnsupportedMedia: return "unsupported_media";
    case ErrorCode::Unavailable: return "unavailable";
    case ErrorCode::OutOfOrder: return "out_of_order";
    case ErrorCode::DuplicateSample: return "duplicate_sample";
    case ErrorCode::TooOld: return "too_old";
    case ErrorCode::Corruption: return "corruption";
    case ErrorCode::Io: return "io";
    case ErrorCode::Internal: return "internal";
  }
  return "internal";
}

std::unexpected<Error> fail_at(std::string_view place, const Error& error) {
  return std::unexpected(Error{error.code, fmt::format("{}: {}", place, error.message)});
}

namespace internal {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace internal

}  // namespace prom5
