#include "app/api/pack_api.h"

#include "app/api/answer.h"
#include "app/api/origin.h"
#include "ask/catalogue/operator_pack.h"
#include "io/codec/yaml.h"

namespace prom5::api {

namespace {

using io::HttpRequest;
using io::HttpResponse;

constexpr size_t kMaxPackBytes = size_t{1} << 20;

std::string text_in(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<std::string> whole_pack(const std::string& yaml) {
  catalogue::ConceptPack pack = catalogue::shipped_pack();
  TRY(merge_checked(pack, yaml));
  if (TRY(codec::parse_yaml(yaml)).entries.empty()) {
    return fail(ErrorCode::BadData,
                "the pack is empty: it would unlearn everything; delete the pack's file for that");
  }
  return yaml;
}

}  // namespace

void PackApi::add_routes(io::Router& router) {
  router.add(
      "POST", "/api/v5/agent/pack", "Teaches the assistant words and concepts.",
      answering([this](const HttpRequest& r, const io::PathArguments&) { return learn(r); }));
}

Result<std::string> PackApi::from_feedback(const std::string& yaml, const Json& id) const {
  const Json report = agent_.feedback_report();
  const auto corrections = report.find("corrections");
  if (corrections != report.end()) {
    for (const Json& entry : *corrections) {
      if (entry.value("id", Json()) != id) continue;
      const std::string suggested = text_in(entry, "suggested");
      const std::string correction = text_in(entry, "correction");
      if (!suggested.empty()) {
        return catalogue::with_lesson(yaml, catalogue::shipped_pack(),
                                      {text_in(entry, "question"), suggested, correction});
      }
      if (const size_t equals = correction.find('='); equals != std::string::npos) {
        return catalogue::with_synonym(yaml, catalogue::shipped_pack(),
                                       correction.substr(0, equals), correction.substr(equals + 1));
      }
      return fail(ErrorCode::BadData,
                  "this correction suggests no query and no \"word=meaning\"; teach a synonym");
    }
  }
  return fail(ErrorCode::NotFound, "there is no correction {}", codec::dump_json(id));
}

Result<std::string> PackApi::changed(const std::string& yaml, const Json& body) const {
  if (!body.is_object() || body.size() != 1) {
    return fail(ErrorCode::BadData,
                "expected one of \"synonym\", \"from_feedback\" and \"yaml\" in an object");
  }
  const Json& value = body.front();
  const std::string name = body.begin().key();
  if (name == "yaml" && value.is_string()) return whole_pack(value.get<std::string>());
  if (name == "from_feedback" && value.is_number_integer()) return from_feedback(yaml, value);
  if (name == "synonym" && value.is_object()) {
    return catalogue::with_synonym(yaml, catalogue::shipped_pack(), text_in(value, "word"),
                                   text_in(value, "meaning"));
  }
  return fail(ErrorCode::BadData,
              "\"synonym\" is an object with \"word\" and \"meaning\", \"from_feedback\" a whole "
              "number, \"yaml\" a text");
}

Result<HttpResponse> PackApi::learn(const HttpRequest& request) {
  if (!options_.enabled) {
    return fail(ErrorCode::Unavailable, "admin APIs disabled (--web.enable-admin-api)");
  }
  if (options_.file.empty()) return fail(ErrorCode::Unavailable, "there is no place for a pack");
  const Json body = TRY(json_body(request));
  std::string yaml;
  {
    const MutexLock lock(mutex_);
    auto before = files_.read(options_.file);
    if (!before && before.error().code != ErrorCode::NotFound) {
      return std::unexpected(before.error());
    }
    yaml = TRY(changed(before ? *before : std::string(), body));
    if (yaml.size() > kMaxPackBytes) {
      return fail(ErrorCode::LimitExceeded, "a pack may have {} bytes", kMaxPackBytes);
    }
    const size_t slash = options_.file.rfind('/');
    if (slash != std::string::npos) TRY(files_.make_directories(options_.file.substr(0, slash)));
    TRY(files_.write_atomically(options_.file, yaml));
  }
  return HttpResponse::json(200, codec::dump_json({{"status", "success"},
                                                   {"file", options_.file},
                                                   {"yaml", yaml},
                                                   {"restart_needed", true}}));
}

}  // namespace prom5::api
