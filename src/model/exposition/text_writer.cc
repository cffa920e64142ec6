#include "model/exposition/text_writer.h"

#include <fmt/format.h>

#include "io/codec/number.h"
#include "io/codec/utf8.h"

namespace prom5::exposition {

namespace {

void append_escaped(std::string& out, std::string_view text, bool quote) {
  while (!text.empty()) {
    const size_t length = codec::utf8_sequence_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";  // U+FFFD: a page must be valid UTF-8 whatever the kernel names things
      text.remove_prefix(1);
      continue;
    }
    const char c = text[0];
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (quote && c == '"') {
      out += "\\\"";
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
}

std::string_view text_type(MetricType type) {
  switch (type) {
    case MetricType::Counter:
    case MetricType::Gauge:
    case MetricType::Histogram:
    case MetricType::Summary: return to_string(type);
    default: return "untyped";
  }
}

}  // namespace

void TextWriter::family(std::string_view name, std::string_view help, MetricType type) {
  out_ += "# HELP ";
  out_ += name;
  out_ += ' ';
  append_escaped(out_, help, false);
  out_ += '\n';
  this->type(name, type);
}

void TextWriter::type(std::string_view name, MetricType type) {
  out_ += "# TYPE ";
  out_ += name;
  out_ += ' ';
  out_ += text_type(type);
  out_ += '\n';
}

void TextWriter::sample(std::string_view name, std::initializer_list<Label> labels, double value) {
  sample_with(name, labels, value);
}

void TextWriter::label(char separator, std::string_view name, std::string_view value) {
  out_ += separator;
  out_ += name;
  out_ += "=\"";
  append_escaped(out_, value, true);
  out_ += '"';
}

void TextWriter::finish(bool labelled, double value, std::optional<TimeMs> time) {
  if (labelled) out_ += '}';
  out_ += ' ';
  codec::append_general(out_, value);
  if (time) fmt::format_to(std::back_inserter(out_), " {}", time->ms);
  out_ += '\n';
}

}  // namespace prom5::exposition
