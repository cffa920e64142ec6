#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/codec/json_writer.h"
#include "io/http/message.h"
#include "io/http/router.h"
#include "query/annotations.h"

namespace prom5::api {

/// How an ErrorCode shows over HTTP: Prometheus' errorType and the status.
struct HttpError {
  std::string_view type;
  int status;
};
HttpError http_error(ErrorCode code);

/// {"status":"error","errorType":…,"error":…}
io::HttpResponse error_answer(const Error& error);

/// A route's handler of one that may fail: its error becomes the answer.
template <typename Handler>
auto answering(Handler handler) {
  return [handler = std::move(handler)](const io::HttpRequest& request,
                                        const io::PathArguments& arguments) {
    Result<io::HttpResponse> answer = handler(request, arguments);
    return answer ? *std::move(answer) : error_answer(answer.error());
  };
}

/// "warnings":[…],"infos":[…] where there are any, into an object that is open.
void write_annotations(codec::JsonWriter& json, const query::Annotations& annotations);

/// {"status":"success","data":<what `data` writes>, warnings and infos where there are any}. What
/// `data` adds to the annotations is shown.
io::HttpResponse success_answer(const std::function<void(codec::JsonWriter&)>& data,
                                const query::Annotations& annotations = {});

/// The error with the parameter's name in front: `invalid parameter "time": …`.
Error invalid_parameter(std::string_view name, const Error& error);

}  // namespace prom5::api
