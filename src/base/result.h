// Errors as values.
//
// Whatever a file, a request or a peer can cause is a Result; bugs are PT_CHECKs (check.h).
// An error names the thing, the value found, the value wanted and, where one helps, a hint.
// `code` is stable ("gguf.truncated"): users and tests may rely on it; the wording may change.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace pingti {

enum class ErrorKind {
  kInvalid,      // malformed input or wrong usage
  kNotFound,     // a named thing does not exist
  kTooLarge,     // over a stated limit
  kUnsupported,  // valid, but not something this build or machine does
  kIo,           // the operating system refused
  kNetwork,      // a peer failed or could not be reached
  kExhausted,    // memory, disk, queue places
  kCancelled,    // the caller left
  kInternal,     // our own fault, kept from ending the process
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code;     // stable, "<part>.<what>"
  std::string message;  // one plain English sentence
  std::string hint;     // what to do about it; may be empty

  // "message (hint) [code]", for terminals and logs.
  std::string to_string() const {
    std::string text = message;
    if (!hint.empty()) text += " (" + hint + ")";
    if (!code.empty()) text += " [" + code + "]";
    return text;
  }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string code, std::string message,
                                   std::string hint = {}) {
  return std::unexpected(Error{kind, std::move(code), std::move(message), std::move(hint)});
}

}  // namespace pingti

#define PT_CONCAT_INNER(a, b) a##b
#define PT_CONCAT(a, b) PT_CONCAT_INNER(a, b)

// PT_TRY(auto value, expression): unwraps a Result or returns its error from the enclosing function.
#define PT_TRY(declaration, ...) PT_TRY_IMPL(PT_CONCAT(pt_result_, __LINE__), declaration, __VA_ARGS__)
#define PT_TRY_IMPL(result, declaration, ...)                     \
  auto result = (__VA_ARGS__);                                    \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)

// PT_TRY_VOID(expression): the same for Result<void>.
#define PT_TRY_VOID(...)                                                                                  \
  do {                                                                                                    \
    if (auto pt_result = (__VA_ARGS__); !pt_result) return std::unexpected(std::move(pt_result).error()); \
  } while (false)
