#include "hub/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"

namespace pingti {

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  PT_CHECK(context_ != nullptr);
  reset();
}

void Sha256::reset() { PT_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1); }

void Sha256::update(std::span<const std::byte> bytes) {
  PT_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  PT_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &length) == 1);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

}  // namespace pingti
