// Whether this build is made with AddressSanitizer or ThreadSanitizer, where code runs 5 to 30 times slower.
// Tests that try many combinations take fewer there: a sanitizer needs each path once, not every size of it.
#pragma once

namespace pingti {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

}  // namespace pingti
