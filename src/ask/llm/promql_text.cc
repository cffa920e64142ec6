#include "ask/llm/promql_text.h"

namespace prom5::llm {

std::string promql_in(std::string_view text) {
  const size_t bracket = text.find_first_of("({[");
  if (bracket == std::string_view::npos || bracket == 0) return "";
  size_t start = bracket;
  while (start > 0 && text[start - 1] != ' ' && text[start - 1] != ':') --start;
  // "sum by (job) (…)" begins before its bracket.
  for (const std::string_view before :
       {"sum by", "avg by", "max by", "min by", "count by", "sum without", "avg without"}) {
    const size_t at = text.find(before);
    if (at != std::string_view::npos && at < start) start = at;
  }
  // What follows the last bracket belongs to it only where it is arithmetic: "… mean?" does not.
  size_t end = text.find_last_of(")}]");
  if (end == std::string_view::npos || end < start) return "";
  const size_t more = text.find_first_not_of(" <>=!+-*/.0123456789", end + 1);
  if (more == std::string_view::npos) end = text.size() - 1;
  std::string out(text.substr(start, end + 1 - start));
  while (!out.empty() && (out.back() == '?' || out.back() == ' ' || out.back() == '.')) {
    out.pop_back();
  }
  return out;
}

}  // namespace prom5::llm
