#include "ask/llm/grounds.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ask/llm/private_shapes.h"
#include "base/ascii.h"
#include "io/codec/number.h"

namespace prom5::llm {

namespace {

/// The names and texts of a result, apart by "\n".
void gather(const Json& json, std::string& out) {
  if (json.is_string()) {
    out += json.get_ref<const std::string&>() + "\n";
  } else if (json.is_array()) {
    for (const Json& item : json) gather(item, out);
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      out += key + "\n";
      gather(value, out);
    }
  }
}

const ToolCall* call_of(std::span<const Message> conversation, const std::string& id) {
  for (size_t i = conversation.size(); i-- > 0;) {
    for (const ToolCall& call : conversation[i].calls) {
      if (call.id == id) return &call;
    }
  }
  return nullptr;
}

/// Bytes of a character that shows nothing or turns the direction of what follows; 0 when the one
/// at `at` is none of these.
size_t invisible_size(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  if (byte(0) < 0x20 && byte(0) != '\n') return 1;
  if (byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && (byte(1) < 0xA0 || byte(1) == 0xAD)) return 2;  // C1, soft hyphen
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0x8B && byte(2) <= 0x8F) return 3;
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return 3;
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA0 && byte(2) <= 0xAF) return 3;
  if (byte(0) == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF) return 3;
  if (byte(0) == 0xF3 && byte(1) == 0xA0) return 4;  // tags and more variation selectors
  return 0;
}

std::string without_invisible(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min(invisible_size(text, at), text.size() - at);
    if (size == 0) out += text[at];
    at += std::max(size, size_t{1});
  }
  return out;
}

/// Digits of other scripts as ASCII ones, so that they are numbers like all others.
std::string with_plain_digits(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = [&](size_t i) {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    unsigned digit = 10;
    size_t size = 1;
    if (byte(0) == 0xEF && byte(1) == 0xBC) {  // full width
      digit = byte(2) - 0x90;
      size = 3;
    } else if (byte(0) == 0xD9) {  // Arabic-Indic
      digit = byte(1) - 0xA0;
      size = 2;
    } else if (byte(0) == 0xDB) {  // the same, extended
      digit = byte(1) - 0xB0;
      size = 2;
    }
    if (digit > 9) {
      out += text[at];
      continue;
    }
    out += static_cast<char>('0' + digit);
    at += size - 1;
  }
  return out;
}

std::string without_html(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    const bool tag = text[at] == '<' && (is_upper(next) || is_lower(next) || next == '/' ||
                                         next == '!' || next == '?');
    if (!tag) {
      out += text[at];
      continue;
    }
    const size_t end = std::min(text.find_first_of(">\n", at), text.size() - 1);
    at = end;
  }
  return out;
}

constexpr std::string_view kLinkRemoved = "[link removed]";

/// "[words](address)" and "![words](address)" to the words.
std::string without_markdown_links(std::string text) {
  for (size_t middle = text.find("]("); middle != std::string::npos;
       middle = text.find("](", middle)) {
    const size_t open = text.rfind('[', middle);
    const size_t close = std::min(text.find_first_of(")\n", middle), text.size() - 1);
    if (open == std::string::npos) {
      text[middle + 1] = ' ';
      continue;
    }
    const size_t begin = open > 0 && text[open - 1] == '!' ? open - 1 : open;
    const std::string words = text.substr(open + 1, middle - open - 1);
    const std::string plain =
        words.empty() ? std::string(kLinkRemoved) : words + " " + std::string(kLinkRemoved);
    text.replace(begin, close + 1 - begin, plain);
    middle = begin;
  }
  return text;
}

/// Where a host's name with a path behind it begins a word: "evil.example/x".
bool is_bare_address(std::string_view word) {
  const size_t slash = word.find('/');
  if (slash == std::string_view::npos || slash < 4) return false;
  const std::string_view host = word.substr(0, std::min(slash, word.find(':')));
  const size_t dot = host.rfind('.');
  return dot != std::string_view::npos && dot > 0 && host.size() - dot > 2 &&
         std::ranges::all_of(host.substr(dot + 1),
                             [](char c) { return is_alnum(c) && !is_digit(c); });
}

bool is_link(std::string_view word) {
  const std::string low = to_lower(word);
  if (low.find("://") != std::string::npos || low.starts_with("www.") || low.starts_with("//")) {
    return true;
  }
  for (const std::string_view scheme : {"javascript:", "vbscript:", "mailto:", "data:text",
                                        "data:image", "data:application", "file:/", "tel:+"}) {
    if (low.find(scheme) != std::string::npos) return true;
  }
  return is_bare_address(word);
}

}  // namespace

bool Grounds::mentions(std::string_view word) const {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_word_byte(text[at - 1]) || !is_word_byte(word.front());
    const bool ends = end == text.size() || !is_word_byte(text[end]) || !is_word_byte(word.back());
    // "5" is not said by "5.25" or "0.5".
    const bool fraction =
        (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1]) &&
         is_digit(word.back())) ||
        (at >= 2 && text[at - 1] == '.' && is_digit(text[at - 2]) && is_digit(word.front()));
    // "5m" says 5.
    const bool unit = end < text.size() && is_digit(word.back()) && !is_digit(text[end]) &&
                      is_word_byte(text[end]) && text[end] != '_';
    if (begins && (ends || unit) && !fraction) return true;
  }
  return false;
}

bool Grounds::has_run(std::string_view promql) const {
  return std::ranges::find(queries, trimmed(promql)) != queries.end();
}

Grounds gather_grounds(std::span<const Message> conversation) {
  Grounds out;
  size_t last_question = 0;
  for (size_t i = 0; i < conversation.size(); ++i) {
    if (conversation[i].role != Role::User) continue;
    last_question = i;
    out.text += conversation[i].text + "\n";
  }
  for (const Message& message : conversation.subspan(last_question)) {
    if (message.role != Role::Tool) continue;
    if (!message.content.is_object() || message.content.contains("error")) continue;
    out.any_result = true;
    gather(message.content, out.text);
    const ToolCall* call = call_of(conversation.subspan(last_question), message.call_id);
    if (call == nullptr || !call->arguments.is_object()) continue;
    const auto promql = call->arguments.find("promql");
    if (promql == call->arguments.end() || !promql->is_string()) continue;
    const auto& text = promql->get_ref<const std::string&>();
    out.text += text + "\n";
    if (message.content.contains("resultType")) {
      out.queries.emplace_back(trimmed(text));
    }
  }
  return out;
}

std::string plain_text(std::string_view text, const Grounds& grounds) {
  const std::string whole =
      without_markdown_links(without_html(with_plain_digits(without_invisible(text))));
  constexpr std::string_view kEnds = " \t\n\"'`<>|";
  std::string out;
  for (size_t at = 0; at < whole.size();) {
    if (kEnds.find(whole[at]) != std::string_view::npos) {
      out += whole[at++];
      continue;
    }
    const size_t end = std::min(whole.find_first_of(kEnds, at), whole.size());
    std::string_view word = std::string_view(whole).substr(at, end - at);
    at = end;
    const std::string_view core = trimmed(word, ".,;:!?()[]{}*_");
    if (core.empty() || !is_link(core)) {
      out += word;
      continue;
    }
    if (!grounds.mentions(core)) {
      out += kLinkRemoved;
      continue;
    }
    for (size_t colon = word.find("://"); colon != std::string_view::npos;
         colon = word.find("://")) {
      out += word.substr(0, colon);
      out += "[:]//";
      word.remove_prefix(colon + 3);
    }
    out += word;
  }
  return out;
}

}  // namespace prom5::llm
