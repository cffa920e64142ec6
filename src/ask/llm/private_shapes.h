#pragma once

#include <optional>
#include <string_view>

#include "ask/llm/private_text.h"
#include "base/ascii.h"

namespace prom5::llm {

// The shapes of private text, each looked for at one place, where a word begins. A span may begin
// behind `at`, never before it. Pure.

std::optional<PrivateSpan> pem_at(std::string_view text, size_t at);
/// `at` is the colon of "://", or of "user:password@tcp(…)".
std::optional<PrivateSpan> url_user_at(std::string_view text, size_t at);
/// Tokens by the prefix that their issuers give them.
std::optional<PrivateSpan> token_at(std::string_view text, size_t at);
/// Long strings without the regularity of names: base64, hexadecimal, letters and digits mixed.
std::optional<PrivateSpan> random_at(std::string_view text, size_t at);
std::optional<PrivateSpan> email_at(std::string_view text, size_t at);
std::optional<PrivateSpan> card_at(std::string_view text, size_t at);
std::optional<PrivateSpan> iban_at(std::string_view text, size_t at);
std::optional<PrivateSpan> phone_at(std::string_view text, size_t at);
std::optional<PrivateSpan> ip_at(std::string_view text, size_t at);

constexpr bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

}  // namespace prom5::llm
