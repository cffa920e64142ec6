#include "ask/tools/list_rules.h"

#include "ask/tools/range_frame.h"
#include "base/ascii.h"

namespace prom5::tools {

namespace {

constexpr size_t kMaxListed = 200;

Json rule_json(const RuleInfo& rule) {
  Json labels = Json::object();
  for (const auto& [name, value] : rule.labels) labels[name] = value;
  Json out{{"name", rule.name},   {"kind", rule.alert ? "alert" : "record"},
           {"promql", rule.expr}, {"labels", std::move(labels)},
           {"group", rule.group}, {"file", rule.file}};
  if (rule.alert) out["for_s"] = rule.hold.as_seconds();
  return out;
}

}  // namespace

ToolSpec ListRules::spec() const {
  return {"rules",
          "Lists the alerting and recording rules of the server's rule files, whose name or query "
          "has the given text.",
          object_schema({{"text?", "string", "left out: all"},
                         {"kind?", "string", "alert or record; left out: both"}})};
}

Result<Json> ListRules::call(const Json& arguments, const ToolContext& context) {
  if (!arguments.is_object()) return fail(ErrorCode::BadData, "rules takes an object");
  TRY(context.may_go_on());
  const std::string text = to_lower(text_or(arguments, "text", ""));
  const std::string kind = text_or(arguments, "kind", "");
  if (!kind.empty() && kind != "alert" && kind != "record") {
    return fail(ErrorCode::BadData, "rules: \"kind\" must be alert or record");
  }
  Json out = Json::array();
  size_t total = 0;
  for (const RuleInfo& rule : TRY(source_())) {
    if (!kind.empty() && rule.alert != (kind == "alert")) continue;
    if (to_lower(rule.name).find(text) == std::string::npos &&
        to_lower(rule.expr).find(text) == std::string::npos) {
      continue;
    }
    if (++total <= kMaxListed) out.push_back(rule_json(rule));
  }
  return Json{{"rules", std::move(out)}, {"total", total}};
}

}  // namespace prom5::tools
