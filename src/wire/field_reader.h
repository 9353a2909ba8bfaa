// Reads the members of one JSON object by name and type, remembering the first thing that is wrong.
//
// A member that is null counts as absent. Every member must be asked for, ignored or refused by name:
// finish() reports one that nobody knows. One thread; the object must outlive the reader.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wire/api_error.h"
#include "wire/json.h"

namespace pingti::wire {

class FieldReader {
 public:
  // path: where the object stands in the request ("" for the request itself, "messages[0]").
  FieldReader(const Json& object, std::string path);

  // Each returns whether the member is there and right, and sets *out only then.
  bool string(std::string_view name, std::string* out);
  bool boolean(std::string_view name, bool* out);
  bool integer(std::string_view name, int64_t* out, int64_t min, int64_t max);
  bool number(std::string_view name, float* out, float min, float max);
  bool seed(std::string_view name, std::optional<uint64_t>* out);  // any 64-bit integer, signed or not
  // One string or an array of at most `most` of them, none empty.
  bool strings(std::string_view name, std::vector<std::string>* out, size_t most);
  // An array of at most `most` token ids.
  bool token_ids(std::string_view name, std::vector<int32_t>* out, size_t most);

  // The member, or null when it is absent or JSON null; it counts as known.
  const Json* take(std::string_view name);

  // Members accepted without effect on the answer.
  void ignore(std::initializer_list<std::string_view> names);
  // Members that would change the answer and are not implemented: an error when present. harmless: a value
  // that asks for nothing.
  void refuse(std::string_view name, std::initializer_list<Json> harmless = {});

  std::string path(std::string_view name) const;
  void fail(ApiError error);
  // "'x' is missing." unless it is there.
  void require(std::string_view name, bool there);
  // "'x' must be ... , not ...".
  void fail_type(std::string_view name, std::string_view wanted, const Json& found);
  const std::optional<ApiError>& error() const { return error_; }
  // The first error, or one about an unknown member.
  std::optional<ApiError> finish();

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<ApiError> error_;
};

}  // namespace pingti::wire
