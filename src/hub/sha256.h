// SHA-256 (FIPS 180-4) of a stream, by OpenSSL. One object per stream; not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace pingti {

class Sha256 {
 public:
  Sha256();
  void reset();
  void update(std::span<const std::byte> bytes);
  // Lower-case hexadecimal digest; the object must be reset before further use.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Whether `text` is 64 hexadecimal digits.
bool is_sha256(std::string_view text);

}  // namespace pingti
