#include "app/api/answer.h"

#include <fmt/core.h>

namespace prom5::api {

HttpError http_error(ErrorCode code) {
  switch (code) {
    case ErrorCode::BadData:
    case ErrorCode::OutOfOrder:
    case ErrorCode::DuplicateSample:
    case ErrorCode::TooOld: return {"bad_data", 400};
    case ErrorCode::UnsupportedMedia: return {"bad_data", 415};
    case ErrorCode::Execution:
    case ErrorCode::LimitExceeded: return {"execution", 422};
    case ErrorCode::Timeout: return {"timeout", 503};
    case ErrorCode::Canceled: return {"canceled", 499};
    case ErrorCode::NotFound: return {"not_found", 404};
    case ErrorCode::NotAcceptable: return {"not_acceptable", 406};
    case ErrorCode::Unavailable: return {"unavailable", 500};
    case ErrorCode::Corruption:
    case ErrorCode::Io:
    case ErrorCode::Internal: return {"internal", 500};
  }
  return {"internal", 500};
}

io::HttpResponse error_answer(const Error& error) {
  const auto [type, status] = http_error(error.code);
  std::string body;
  codec::JsonWriter json(body);
  json.begin_object()
      .field("status", "error")
      .field("errorType", type)
      .field("error", error.message)
      .end_object();
  return io::HttpResponse::json(status, std::move(body));
}

void write_annotations(codec::JsonWriter& json, const query::Annotations& annotations) {
  const auto list = [&](std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    json.key(name).begin_array();
    for (const std::string& text : texts) json.string(text);
    json.end_array();
  };
  list("warnings", annotations.shown_warnings());
  list("infos", annotations.shown_infos());
}

io::HttpResponse success_answer(const std::function<void(codec::JsonWriter&)>& data,
                                const query::Annotations& annotations) {
  std::string body;
  codec::JsonWriter json(body);
  json.begin_object().field("status", "success").key("data");
  data(json);
  write_annotations(json, annotations);
  json.end_object();
  return io::HttpResponse::json(200, std::move(body));
}

Error invalid_parameter(std::string_view name, const Error& error) {
  return {error.code, fmt::format("invalid parameter \"{}\": {}", name, error.message)};
}

}  // namespace prom5::api
