// What a model file says about its model, for people and estimates: sizes, formats, architecture facts.
//
// Reads metadata and the tensor table only, never tensor data; works for architectures the engine does not
// run. Facts that the file lacks, or states nonsensically, are left empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gguf/gguf.h"
#include "quant/format.h"

namespace pingti::gguf {

struct FormatShare {
  const Format* format;
  int64_t tensors;
  int64_t values;
  int64_t bytes;
};

struct Summary {
  std::string name;          // general.name
  std::string architecture;  // general.architecture
  std::optional<int64_t> layers;
  std::optional<int64_t> hidden;
  std::optional<int64_t> ffn;
  std::optional<int64_t> heads;
  std::optional<int64_t> kv_heads;  // the most of any layer
  std::optional<int64_t> head_dim;
  std::optional<int64_t> context;  // trained, tokens
  std::optional<int64_t> window;   // of sliding-window layers, tokens
  std::optional<int64_t> vocab;
  std::optional<int64_t> experts;
  std::optional<int64_t> experts_used;  // per token

  int64_t parameters = 0;            // values of all tensors
  std::vector<FormatShare> formats;  // largest first
  // Bytes of weights read to decode one token: all but an embedding table that is no output layer, of expert
  // tensors the share that one token uses.
  int64_t decode_bytes = 0;
};

Summary summarize(const File& file);

}  // namespace pingti::gguf
