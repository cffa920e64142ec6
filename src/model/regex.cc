#include "model/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/loop_turn.h"

namespace prom5 {

struct Regex::Program {
  Program(const std::string& pattern, const RE2::Options& options) : re(pattern, options) {}
  RE2 re;
};

namespace {

std::vector<std::string> split_literals(std::string_view pattern) {
  if (pattern.find_first_of("\\.+*?()[]{}^$") != std::string_view::npos) return {};
  std::vector<std::string> out;
  size_t start = 0;
  for (;;) {
    const size_t bar = pattern.find('|', start);
    out.emplace_back(pattern.substr(start, bar - start));
    if (bar == std::string_view::npos) return out;
    start = bar + 1;
  }
}

/// What Go's regexp/syntax says of a pattern that RE2, its C++ twin, refuses.
std::string syntax_error(const std::string& pattern, const RE2& refused) {
  const std::string& part = refused.error_arg();
  switch (refused.error_code()) {
    case RE2::ErrorBadEscape: return "invalid escape sequence: `" + part + "`";
    case RE2::ErrorBadCharClass: return "invalid character class: `" + part + "`";
    case RE2::ErrorBadCharRange: return "invalid character class range: `" + part + "`";
    case RE2::ErrorMissingBracket: return "missing closing ]: `" + part + "`";
    case RE2::ErrorMissingParen: return "missing closing ): `" + pattern + "`";
    case RE2::ErrorUnexpectedParen: return "unexpected ): `" + pattern + "`";
    case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression: ``";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator: `" + part + "`";
    case RE2::ErrorRepeatSize: return "invalid repeat count: `" + part + "`";
    case RE2::ErrorRepeatOp: return "invalid nested repetition operator: `" + part + "`";
    case RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax: `" + part + "`";
    case RE2::ErrorBadUTF8: return "invalid UTF-8: `" + part + "`";
    case RE2::ErrorBadNamedCapture: return "invalid named capture: `" + part + "`";
    default: return refused.error();
  }
}

/// RE2 has \C, one byte of UTF-8, which Go has not.
bool has_byte_escape(std::string_view pattern) {
  for (size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] != '\\') continue;
    if (pattern[++i] == 'C') return true;
  }
  return false;
}

/// Reads a reference after "$"; its name and how many characters it took, 0 when it is none.
std::pair<std::string_view, size_t> read_reference(std::string_view rest) {
  if (rest.starts_with('{')) {
    const size_t close = rest.find('}');
    if (close == std::string_view::npos) return {{}, 0};
    return {rest.substr(1, close - 1), close + 1};
  }
  size_t n = 0;
  while (n < rest.size() && is_word_byte(rest[n])) ++n;
  return {rest.substr(0, n), n};
}

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  // Repetitions and classes of letters make long programs of a few characters.
  constexpr size_t kShort = 64;
  if (pattern.size() > kShort || pattern.find_first_of("{\\") != std::string_view::npos) {
    leave_event_loop();
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(8 << 20);
  Regex out;
  out.pattern_ = pattern;
  out.literals_ = split_literals(pattern);
  auto program = std::make_shared<Program>("^(?:" + out.pattern_ + ")$", options);
  if (has_byte_escape(pattern)) {
    return fail(ErrorCode::BadData, "error parsing regexp: invalid escape sequence: `\\C`");
  }
  if (!program->re.ok()) {
    // Without what was put around it, the pattern fails in the user's own words.
    const RE2 bare(out.pattern_, options);
    return fail(ErrorCode::BadData, "error parsing regexp: {}",
                syntax_error(out.pattern_, bare.ok() ? program->re : bare));
  }
  out.program_ = std::move(program);
  return out;
}

bool Regex::matches(std::string_view text) const {
  if (!literals_.empty()) {
    for (const std::string& literal : literals_) {
      if (literal == text) return true;
    }
    return false;
  }
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), program_->re);
}

size_t Regex::group_count() const {
  return static_cast<size_t>(program_->re.NumberOfCapturingGroups());
}

size_t Regex::program_size() const {
  return literals_.empty() ? static_cast<size_t>(program_->re.ProgramSize()) : 0;
}

namespace {

/// A piece of a replacement: text as it is, or what a group matched.
struct Piece {
  std::string_view literal;
  size_t group = SIZE_MAX;
};

std::vector<Piece> pieces_of(std::string_view replacement, const RE2& re) {
  std::vector<Piece> out;
  while (!replacement.empty()) {
    const size_t dollar = std::min(replacement.find('$'), replacement.size());
    if (dollar > 0) out.push_back({replacement.substr(0, dollar)});
    if (dollar == replacement.size()) break;
    const std::string_view sign = replacement.substr(dollar, 1);
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out.push_back({sign});
      replacement.remove_prefix(1);
      continue;
    }
    const auto [name, length] = read_reference(replacement);
    if (length == 0) {  // a "$" that refers to nothing stays
      out.push_back({sign});
      continue;
    }
    replacement.remove_prefix(length);
    size_t group = SIZE_MAX;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), group);
    if (error != std::errc{} || end != name.data() + name.size()) {
      const auto& named = re.NamedCapturingGroups();
      const auto found = named.find(std::string(name));
      group = found == named.end() ? SIZE_MAX : static_cast<size_t>(found->second);
    }
    if (group <= static_cast<size_t>(re.NumberOfCapturingGroups())) out.push_back({{}, group});
  }
  return out;
}

}  // namespace

bool Regex::expand(std::string_view text, std::string_view replacement, std::string& out) const {
  const std::vector<Piece> pieces = pieces_of(replacement, program_->re);
  // Groups that nobody asks for need not be followed, which costs by their number.
  size_t groups = 0;
  for (const Piece& piece : pieces) {
    if (piece.group != SIZE_MAX) groups = std::max(groups, piece.group + 1);
  }
  std::vector<re2::StringPiece> matched(groups);
  const re2::StringPiece whole(text.data(), text.size());
  if (!program_->re.Match(whole, 0, text.size(), RE2::ANCHOR_BOTH, matched.data(),
                          static_cast<int>(groups))) {
    return false;
  }
  for (const Piece& piece : pieces) {
    if (piece.group == SIZE_MAX) {
      out += piece.literal;
    } else {
      out.append(matched[piece.group].data(), matched[piece.group].size());
    }
  }
  return true;
}

}  // namespace prom5
