#include "store/block.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "base/check.h"

namespace pingti {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "PTKVBLK1";
constexpr size_t kHeaderBytes = 8 + 8 + 8 + 32 + 32;
constexpr size_t kDigestBytes = 32;

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    PT_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  Digest& add(std::span<const std::byte> bytes) {
    PT_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    return *this;
  }
  // With its length first, so that no two lists of texts look alike.
  Digest& add(std::string_view text) {
    const uint64_t size = text.size();
    add(std::as_bytes(std::span(&size, 1)));
    return add(std::as_bytes(std::span(text)));
  }
  BlockName finish() {
    BlockName digest;
    unsigned length = 0;
    PT_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &length) ==
                 1 &&
             length == digest.size());
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::unexpected<Error> damaged(std::string message) {
  return fail(ErrorKind::kInvalid, "kv_block.damaged", std::move(message));
}

}  // namespace

BlockName root_block_name(std::string_view fingerprint, std::string_view salt) {
  return Digest().add(kMagic).add(fingerprint).add(salt).finish();
}

BlockName block_name(const BlockName& parent, std::span<const int32_t> tokens) {
  return Digest().add(std::span<const std::byte>(parent)).add(std::as_bytes(tokens)).finish();
}

std::string to_hex(const BlockName& name) {
  std::string text;
  for (const std::byte byte : name) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

bool from_hex(std::string_view text, BlockName* name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.size() != 2 * name->size()) return false;
  for (size_t i = 0; i < name->size(); ++i) {
    const size_t high = kDigits.find(text[2 * i]);
    const size_t low = kDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    (*name)[i] = static_cast<std::byte>(high << 4 | low);
  }
  return true;
}

int64_t block_file_bytes(size_t tokens, size_t payload_bytes) {
  return static_cast<int64_t>(kHeaderBytes + 4 * tokens + payload_bytes + kDigestBytes);
}

std::vector<std::byte> encode_block(const Block& block) {
  std::vector<std::byte> file;
  file.reserve(static_cast<size_t>(block_file_bytes(block.tokens.size(), block.payload.size())));
  const auto add = [&file](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
  };
  const std::array<uint64_t, 2> sizes = {block.tokens.size(), block.payload.size()};
  add(std::as_bytes(std::span(kMagic)));
  add(std::as_bytes(std::span(sizes)));
  add(block.name);
  add(block.parent);
  add(std::as_bytes(std::span(block.tokens)));
  add(block.payload);
  add(Digest().add(std::span<const std::byte>(file)).finish());
  return file;
}

Result<BlockView> decode_block(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeaderBytes + kDigestBytes)
    return damaged(fmt::format("the file has {} bytes, fewer than a block's frame", bytes.size()));
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return damaged("the file does not begin as a KV block does");
  std::array<uint64_t, 2> sizes{};
  std::memcpy(sizes.data(), bytes.data() + 8, sizeof sizes);
  const auto [tokens, payload] = sizes;
  if (tokens > kMaxBlockTokens || payload > kMaxBlockBytes)
    return damaged(
        fmt::format("it states {} tokens and {} bytes, more than a block may have", tokens, payload));
  const uint64_t wanted = kHeaderBytes + 4 * tokens + payload + kDigestBytes;
  if (bytes.size() != wanted)
    return damaged(fmt::format("the file has {} bytes; it states {}", bytes.size(), wanted));
  const auto content = bytes.first(bytes.size() - kDigestBytes);
  const BlockName digest = Digest().add(content).finish();
  if (!std::ranges::equal(digest, bytes.last(kDigestBytes)))
    return damaged("the digest is not that of the content");
  BlockView view;
  std::memcpy(view.name.data(), bytes.data() + 24, view.name.size());
  std::memcpy(view.parent.data(), bytes.data() + 56, view.parent.size());
  view.tokens.resize(tokens);
  std::memcpy(view.tokens.data(), bytes.data() + kHeaderBytes, 4 * tokens);
  view.payload = content.last(payload);
  return view;
}

}  // namespace pingti
