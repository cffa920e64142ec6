#include "ask/tools/list_silences.h"

#include <algorithm>

#include "ask/tools/range_frame.h"
#include "base/ascii.h"

namespace prom5::tools {

namespace {

constexpr size_t kMaxListed = 200;

Json silence_json(const SilenceInfo& silence) {
  return {{"id", silence.id},
          {"state", silence.state},
          {"matchers", silence.matchers},
          {"starts", silence.starts.as_seconds()},
          {"ends", silence.ends.as_seconds()},
          {"created_by", silence.created_by},
          {"comment", silence.comment}};
}

}  // namespace

ToolSpec ListSilences::spec() const {
  return {
      "silences",
      "Lists the Alertmanager's silences that are in force or will be, whose matchers or comment "
      "have the given text.",
      object_schema({{"text?", "string", "left out: all"}})};
}

Result<Json> ListSilences::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object()) return fail(ErrorCode::BadData, "silences takes an object");
  TRY(context.may_go_on());
  const std::string text = to_lower(text_or(arguments, "text", ""));
  Silences silences = TRY(source_(context));
  std::ranges::stable_sort(silences.list, {}, &SilenceInfo::ends);
  const auto has = [&](const std::string& where) {
    return to_lower(where).find(text) != std::string::npos;
  };
  Json out = Json::array();
  size_t total = 0;
  for (const SilenceInfo& silence : silences.list) {
    if (!has(silence.comment) && std::ranges::none_of(silence.matchers, has)) continue;
    if (++total <= kMaxListed) out.push_back(silence_json(silence));
  }
  return Json{{"silences", std::move(out)}, {"total", total}, {"configured", silences.configured}};
}

}  // namespace prom5::tools
