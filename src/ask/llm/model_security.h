#pragma once

#include <memory>

#include "io/http/http_client.h"

namespace prom5::llm {

/// What requests to a model's API go with: `base` (null: nothing special), but nothing is followed
/// elsewhere, and with a key the credentials are that key.
std::shared_ptr<const io::HttpClientSecurity> model_security(
    const std::shared_ptr<const io::HttpClientSecurity>& base, const io::Secret& api_key);

}  // namespace prom5::llm
