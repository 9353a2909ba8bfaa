// The file of one KV block: the pages that one run of tokens has in every KV group.
//
// A block is named by all that its bytes depend on: the root names the model with its settings and the salt,
// every block its parent and its own tokens, by SHA-256. So equal names mean equal bytes, and a block can
// only be found by who knows all tokens before it.
//
// Layout, little-endian: "PTKVBLK1"; token count, payload bytes, both u64; name[32]; parent[32]; tokens, i32
// each; payload; SHA-256 of all before it [32]. A file is believed only when it is whole and its digest is
// right. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pingti {

using BlockName = std::array<std::byte, 32>;

struct BlockNameHash {
  size_t operator()(const BlockName& name) const {
    size_t hash = 0;
    std::memcpy(&hash, name.data(), sizeof hash);
    return hash;
  }
};

// fingerprint: whatever the bytes of a page depend on besides the tokens.
BlockName root_block_name(std::string_view fingerprint, std::string_view salt);
BlockName block_name(const BlockName& parent, std::span<const int32_t> tokens);

std::string to_hex(const BlockName& name);
// False when the text is not 64 lower-case hexadecimal digits.
bool from_hex(std::string_view text, BlockName* name);

struct Block {
  BlockName name{};
  BlockName parent{};
  std::vector<int32_t> tokens;
  std::vector<std::byte> payload;  // the groups' pages, one after another
};

struct BlockView {
  BlockName name{};
  BlockName parent{};
  std::vector<int32_t> tokens;
  std::span<const std::byte> payload;  // of the bytes read
};

constexpr uint64_t kMaxBlockTokens = 1 << 16;
constexpr uint64_t kMaxBlockBytes = uint64_t{1} << 32;

std::vector<std::byte> encode_block(const Block& block);
int64_t block_file_bytes(size_t tokens, size_t payload_bytes);
// Untrusted bytes. Errors: "kv_block.damaged", naming what is wrong.
Result<BlockView> decode_block(std::span<const std::byte> bytes);

}  // namespace pingti
