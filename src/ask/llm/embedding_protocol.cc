#include "ask/llm/embedding_protocol.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "io/codec/json.h"

namespace prom5::llm {

namespace {

using catalogue::Embedding;
using catalogue::kDimensions;

constexpr size_t kMostDimensions = 16'384;

std::unexpected<Error> no_vectors(std::string_view why) {
  return fail(ErrorCode::Unavailable, "the model of embeddings gives no vectors: {}", why);
}

Result<std::vector<float>> numbers_of(const Json& list) {
  if (!list.is_array() || list.empty() || list.size() > kMostDimensions) {
    return no_vectors("no list of numbers, or one that is too long");
  }
  std::vector<float> out;
  out.reserve(list.size());
  for (const Json& number : list) {
    if (!number.is_number()) return no_vectors("a vector has something that is no number");
    out.push_back(number.get<float>());
    if (!std::isfinite(out.back())) return no_vectors("a number is too large");
  }
  return out;
}

const Json& member(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

}  // namespace

std::string embedding_url(const EmbeddingOptions& options) {
  const bool openai = options.provider == Provider::OpenAi;
  std::string url = options.base_url;
  if (url.empty()) url = openai ? "https://api.openai.com/v1" : "http://127.0.0.1:11434";
  while (url.ends_with('/')) url.pop_back();
  return url + (openai ? "/embeddings" : "/api/embed");
}

std::string embedding_request(const EmbeddingOptions& options, std::span<const std::string> texts) {
  Json body{{"model", options.model}, {"input", Json::array()}};
  for (const std::string& text : texts) body["input"].push_back(text);
  // Else some clients' default, base64, is taken for the server's.
  if (options.provider == Provider::OpenAi) body["encoding_format"] = "float";
  return codec::dump_json(body);
}

Result<std::vector<std::vector<float>>> parse_embeddings(Provider provider, std::string_view body,
                                                         size_t count) {
  const auto json = codec::parse_json(body);
  if (!json) return no_vectors(json.error().message);
  const bool openai = provider == Provider::OpenAi;
  const Json& list = member(*json, openai ? "data" : "embeddings");
  if (!list.is_array() || list.size() != count) return no_vectors("not one for each text");
  std::vector<std::vector<float>> out(count);
  for (size_t i = 0; i < count; ++i) {
    size_t place = i;
    if (openai) {
      const Json& index = member(list[i], "index");
      if (index.is_number_unsigned()) place = index.get<size_t>();
      if (place >= count || !out[place].empty()) return no_vectors("an index is wrong");
    }
    out[place] = TRY(numbers_of(openai ? member(list[i], "embedding") : list[i]));
  }
  for (const auto& vector : out) {
    if (vector.size() != out.front().size()) return no_vectors("vectors differ in length");
  }
  return out;
}

catalogue::Embedding to_embedding(std::span<const float> vector) {
  Embedding out{};
  if (vector.size() <= kDimensions) {
    std::copy(vector.begin(), vector.end(), out.begin());
  } else {
    for (size_t j = 0; j < vector.size(); ++j) {
      Rng rng(j);
      for (size_t at = 0; at < kDimensions; at += 64) {
        const uint64_t signs = rng.next();
        for (size_t i = 0; i < 64; ++i) {
          out[at + i] += ((signs >> i) & 1) != 0 ? vector[j] : -vector[j];
        }
      }
    }
  }
  double squares = 0;
  for (const float number : out) squares += static_cast<double>(number) * number;
  if (squares == 0) return out;
  const double length = std::sqrt(squares);
  for (float& number : out) number = static_cast<float>(number / length);
  return out;
}

}  // namespace prom5::llm
