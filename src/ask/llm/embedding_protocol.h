#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ask/catalogue/embedder.h"
#include "ask/llm/embedding_options.h"

namespace prom5::llm {

// What goes over the wire to a model of embeddings and back.
//
//   OpenAi  POST {base}/embeddings {"model", "input": [text, …], "encoding_format": "float"};
//           answered by {"data": [{"index", "embedding": [number, …]}, …]}, in any order.
//   Ollama  POST {base}/api/embed {"model", "input": [text, …]}; answered by
//           {"embeddings": [[number, …], …]}.
//
// Pure; any thread.

/// Where requests go.
std::string embedding_url(const EmbeddingOptions& options);

std::string embedding_request(const EmbeddingOptions& options, std::span<const std::string> texts);

/// The vectors of `count` texts, in their order, all of the same number of dimensions, which is at
/// most 16 384. Unavailable when the answer is not that.
Result<std::vector<std::vector<float>>> parse_embeddings(Provider provider, std::string_view body,
                                                         size_t count);

/// A vector of any number of dimensions as one of ours, of length 1. More dimensions are projected
/// at random, the same way each time, which keeps likenesses to about 0.06 (Johnson, Lindenstrauss
/// 1984; signs: Achlioptas 2003); fewer are filled up with zeros.
catalogue::Embedding to_embedding(std::span<const float> vector);

}  // namespace prom5::llm
