#include <cstdint>
#include <string_view>

#include "ask/llm/embedding_protocol.h"

// The first byte says whose answer it is and for how many texts; the rest is the answer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using prom5::llm::Provider;
  if (size == 0) return 0;
  const Provider provider = (data[0] & 1) != 0 ? Provider::OpenAi : Provider::Ollama;
  const size_t count = data[0] >> 1;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parsed = prom5::llm::parse_embeddings(provider, body, count);
  if (!parsed) return 0;
  if (parsed->size() != count) __builtin_trap();
  for (const auto& vector : *parsed) prom5::llm::to_embedding(vector);
  return 0;
}
