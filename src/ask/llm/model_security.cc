#include "ask/llm/model_security.h"

namespace prom5::llm {

std::shared_ptr<const io::HttpClientSecurity> model_security(
    const std::shared_ptr<const io::HttpClientSecurity>& base, const io::Secret& api_key) {
  auto security = base ? std::make_shared<io::HttpClientSecurity>(*base)
                       : std::make_shared<io::HttpClientSecurity>();
  security->follow_redirects = false;
  if (!api_key.empty()) security->credentials = api_key;
  return security;  // shared with requests on their way
}

}  // namespace prom5::llm
