#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace prom5::llm {

/// What in a text is nobody else's business.
enum class PrivateKind : uint8_t { Email, Secret, Card, Iban, Phone, Ip, Text };

/// As placeholders and counters name it: "email", "secret", …
std::string_view to_string(PrivateKind kind);

/// A part of a text, in bytes.
struct PrivateSpan {
  size_t begin = 0;
  size_t size = 0;
  PrivateKind kind = PrivateKind::Secret;
};

struct PrivateOptions {
  bool ip_addresses = true;  ///< whether they count as private; loopback never does
};

/// Everything private in a text, in order, without overlaps.
///
/// Secrets: values of keys that are named so (`password=…`, `--token …`, `Authorization: …`), user
/// and password of a URL, PEM blocks, the shapes that issuers of tokens publish, and long strings
/// too random to be names. Personal data: e-mail addresses, card numbers (by Luhn's sum), IBANs (by
/// their check digits), telephone numbers, IP addresses. Text: what looks like a placeholder of
/// Scrubber. Names of metrics and hosts, durations and plain numbers are not found. Pure.
std::vector<PrivateSpan> find_private(std::string_view text, PrivateOptions options = {});

/// Whether what stands under such a key, label or flag is secret: "password", "DB_PASSWORD".
bool names_a_secret(std::string_view key);

/// Whether a value under a secret's name tells nothing: "true", "null", "<secret>", "".
bool is_no_secret(std::string_view value);

}  // namespace prom5::llm
