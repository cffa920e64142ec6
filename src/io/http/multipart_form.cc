#include "io/http/multipart_form.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"

namespace prom5::io {

namespace {

constexpr std::string_view kMediaType = "multipart/form-data";
constexpr size_t kMaxBoundaryBytes = 70;  // RFC 2046, section 5.1.1
constexpr size_t kMaxParts = 1000;
constexpr size_t kMaxBodyBytes = size_t{32} << 20;
constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// Takes one `; name=value` off the front of what stands behind a value of a header field.
/// Nothing at the end; BadData for what is no parameter.
struct FieldParameter {
  std::string_view name;
  std::string value;
};
Result<std::optional<FieldParameter>> take_parameter(std::string_view& rest) {
  rest = trimmed(rest);
  if (rest.empty() || rest == ";") return std::nullopt;
  const size_t equals = rest.find('=');
  if (rest[0] != ';' || equals == std::string_view::npos) {
    return fail(ErrorCode::BadData, "multipart form: malformed parameter of a header field");
  }
  FieldParameter out{trimmed(rest.substr(1, equals - 1)), ""};
  rest = trimmed(rest.substr(equals + 1));
  if (!rest.starts_with('"')) {
    const size_t end = std::min(rest.find(';'), rest.size());
    out.value = trimmed(rest.substr(0, end));
    rest.remove_prefix(end);
    return out;
  }
  // A backslash escapes quotes and itself alone: browsers send those of a path as they are.
  for (size_t i = 1; i < rest.size(); ++i) {
    const bool escapes =
        rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\');
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return out;
    }
    if (escapes) ++i;
    out.value += rest[i];
  }
  return fail(ErrorCode::BadData, "multipart form: a quote of a header field is not closed");
}

Result<std::string> boundary_of(std::string_view content_type) {
  std::string_view rest =
      content_type.substr(std::min(content_type.find(';'), content_type.size()));
  while (const auto parameter = TRY(take_parameter(rest))) {
    if (!equal_ignoring_case(parameter->name, "boundary")) continue;
    if (parameter->value.empty() || parameter->value.size() > kMaxBoundaryBytes) break;
    return parameter->value;
  }
  return fail(ErrorCode::BadData,
              "multipart form: its Content-Type needs a boundary of 1 to {} "
              "bytes",
              kMaxBoundaryBytes);
}

/// The name of a part; empty where its value is none of the form's parameters.
Result<std::string> name_of(std::string_view disposition) {
  const size_t end = std::min(disposition.find(';'), disposition.size());
  if (!equal_ignoring_case(trimmed(disposition.substr(0, end)), "form-data")) return "";
  std::string_view rest = disposition.substr(end);
  std::string name;
  bool is_file = false;
  while (auto parameter = TRY(take_parameter(rest))) {
    if (equal_ignoring_case(parameter->name, "name")) name = std::move(parameter->value);
    // An empty name is that of no file, as browsers send it where none was chosen.
    if (equal_ignoring_case(parameter->name, "filename")) is_file |= !parameter->value.empty();
    if (equal_ignoring_case(parameter->name, "filename*")) is_file = true;
  }
  return is_file ? "" : name;
}

class MultipartReader {
 public:
  MultipartReader(std::string_view body, std::string boundary)
      : rest_(body), line_("\r\n--" + std::move(boundary)) {}

  Result<Parameters> read() {
    Parameters out;
    bool more = false;
    TRY(take_until_boundary(more));  // the preamble
    for (size_t parts = 0; more; ++parts) {
      if (parts == kMaxParts) {
        return fail(ErrorCode::LimitExceeded, "multipart form: more than {} parts", kMaxParts);
      }
      std::string name = TRY(take_head());
      const std::string_view value = TRY(take_until_boundary(more));
      if (!name.empty()) out.emplace_back(std::move(name), value);
    }
    return out;
  }

 private:
  /// What may follow a boundary. Nothing where it is no boundary, but a value's own bytes.
  struct BoundaryEnd {
    size_t bytes;
    bool is_last;
  };
  [[nodiscard]] static std::optional<BoundaryEnd> boundary_end(std::string_view behind) {
    if (behind.starts_with("--")) return BoundaryEnd{2, true};
    const size_t blanks = std::min(behind.find_first_not_of(kBlanks), behind.size());
    if (!behind.substr(blanks).starts_with("\r\n")) return std::nullopt;
    return BoundaryEnd{blanks + 2, false};
  }

  /// The bytes before the next boundary; goes behind it. `more`: whether a part follows.
  Result<std::string_view> take_until_boundary(bool& more) {
    // The first of a body, or of a part without a value: the line break was taken with the head.
    const std::string_view alone = std::string_view(line_).substr(2);
    if (rest_.starts_with(alone)) {
      if (const auto end = boundary_end(rest_.substr(alone.size()))) {
        rest_.remove_prefix(alone.size() + end->bytes);
        more = !end->is_last;
        return std::string_view();
      }
    }
    for (size_t at = 0;;) {
      at = rest_.find(line_, at);
      if (at == std::string_view::npos) {
        return fail(ErrorCode::BadData, "multipart form: it ends without its closing boundary");
      }
      const size_t behind = at + line_.size();
      if (const auto end = boundary_end(rest_.substr(behind))) {
        const std::string_view out = rest_.substr(0, at);
        rest_.remove_prefix(behind + end->bytes);
        more = !end->is_last;
        return out;
      }
      at = behind;
    }
  }

  /// The header fields of a part and the empty line behind them.
  Result<std::string> take_head() {
    std::string name;
    for (;;) {
      const size_t end = rest_.find("\r\n");
      if (end == std::string_view::npos) {
        return fail(ErrorCode::BadData, "multipart form: it ends within the header of a part");
      }
      const std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end + 2);
      if (line.empty()) return name;
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos || colon == 0 || kBlanks.find(line[0]) != kBlanks.npos) {
        return fail(ErrorCode::BadData, "multipart form: malformed header field of a part");
      }
      if (equal_ignoring_case(line.substr(0, colon), "Content-Disposition")) {
        name = TRY(name_of(line.substr(colon + 1)));
      }
    }
  }

  std::string_view rest_;
  const std::string line_;  ///< a boundary with the line break before it
};

}  // namespace

bool is_multipart_form(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return equal_ignoring_case(trimmed(type), kMediaType);
}

Result<Parameters> parse_multipart_form(std::string_view content_type, std::string_view body) {
  if (!is_multipart_form(content_type)) {
    return fail(ErrorCode::BadData, "multipart form: the Content-Type is not {}", kMediaType);
  }
  if (body.size() > kMaxBodyBytes) {
    return fail(ErrorCode::LimitExceeded, "multipart form: {} bytes are more than {}", body.size(),
                kMaxBodyBytes);
  }
  return MultipartReader(body, TRY(boundary_of(content_type))).read();
}

}  // namespace prom5::io
