#include "wire/field_reader.h"

#include <fmt/format.h>

#include <cmath>

namespace pingti::wire {

FieldReader::FieldReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) {
    std::string what = path_.empty() ? "The request body" : fmt::format("'{}'", path_);
    error_ = invalid_field(path_, fmt::format("{} must be a JSON object, not {}.", what, describe(object_)));
  }
}

std::string FieldReader::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void FieldReader::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

void FieldReader::require(std::string_view name, bool there) {
  if (!there) fail(invalid_field(path(name), fmt::format("'{}' is missing.", path(name))));
}

void FieldReader::fail_type(std::string_view name, std::string_view wanted, const Json& found) {
  ApiError error =
      invalid_field(path(name), fmt::format("'{}' must be {}, not {}.", path(name), wanted, describe(found)));
  error.code = "invalid_type";
  fail(std::move(error));
}

const Json* FieldReader::take(std::string_view name) {
  known_.emplace(name);
  if (!object_.is_object()) return nullptr;
  auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool FieldReader::string(std::string_view name, std::string* out) {
  const Json* value = take(name);
  if (!value) return false;
  if (!value->is_string()) return fail_type(name, "a string", *value), false;
  *out = value->get<std::string>();
  return true;
}

bool FieldReader::boolean(std::string_view name, bool* out) {
  const Json* value = take(name);
  if (!value) return false;
  if (!value->is_boolean()) return fail_type(name, "a boolean", *value), false;
  *out = value->get<bool>();
  return true;
}

bool FieldReader::integer(std::string_view name, int64_t* out, int64_t min, int64_t max) {
  const Json* value = take(name);
  if (!value) return false;
  if (!value->is_number_integer()) return fail_type(name, "an integer", *value), false;
  bool too_large = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  int64_t number = too_large ? INT64_MAX : value->get<int64_t>();
  if (too_large || number < min || number > max) {
    std::string range =
        max == INT64_MAX ? fmt::format("at least {}", min) : fmt::format("from {} to {}", min, max);
    fail(invalid_field(path(name),
                       fmt::format("'{}' must be {}, not {}.", path(name), range, to_text(*value))));
    return false;
  }
  *out = number;
  return true;
}

bool FieldReader::number(std::string_view name, float* out, float min, float max) {
  const Json* value = take(name);
  if (!value) return false;
  if (!value->is_number()) return fail_type(name, "a number", *value), false;
  auto number = static_cast<float>(value->get<double>());
  if (!std::isfinite(number) || number < min || number > max) {
    std::string range = max == std::numeric_limits<float>::max() ? fmt::format("at least {}", min)
                                                                 : fmt::format("from {} to {}", min, max);
    fail(invalid_field(path(name),
                       fmt::format("'{}' must be {}, not {}.", path(name), range, to_text(*value))));
    return false;
  }
  *out = number;
  return true;
}

bool FieldReader::seed(std::string_view name, std::optional<uint64_t>* out) {
  const Json* value = take(name);
  if (!value) return false;
  if (!value->is_number_integer()) return fail_type(name, "a 64-bit integer", *value), false;
  *out = value->is_number_unsigned() ? value->get<uint64_t>() : static_cast<uint64_t>(value->get<int64_t>());
  return true;
}

bool FieldReader::strings(std::string_view name, std::vector<std::string>* out, size_t most) {
  const Json* value = take(name);
  if (!value) return false;
  std::vector<std::string> texts;
  if (value->is_string()) {
    texts.push_back(value->get<std::string>());
  } else if (value->is_array()) {
    if (value->size() > most) {
      fail(invalid_field(path(name), fmt::format("'{}' takes at most {} strings, not {}.", path(name), most,
                                                 value->size())));
      return false;
    }
    for (const Json& item : *value) {
      if (!item.is_string()) return fail_type(name, "a string or an array of strings", item), false;
      texts.push_back(item.get<std::string>());
    }
  } else {
    return fail_type(name, "a string or an array of strings", *value), false;
  }
  for (const std::string& text : texts) {
    if (text.empty())
      return fail(invalid_field(path(name), fmt::format("'{}' must not hold an empty string.", path(name)))),
             false;
  }
  *out = std::move(texts);
  return true;
}

bool FieldReader::token_ids(std::string_view name, std::vector<int32_t>* out, size_t most) {
  const Json* value = take(name);
  if (!value) return false;
  if (!value->is_array()) return fail_type(name, "an array of token ids", *value), false;
  if (value->size() > most) {
    fail(invalid_field(path(name),
                       fmt::format("'{}' takes at most {} ids, not {}.", path(name), most, value->size())));
    return false;
  }
  std::vector<int32_t> ids;
  ids.reserve(value->size());
  for (const Json& item : *value) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > INT32_MAX)
      return fail_type(name, "an array of token ids", item), false;
    ids.push_back(static_cast<int32_t>(item.get<uint64_t>()));
  }
  *out = std::move(ids);
  return true;
}

void FieldReader::ignore(std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) known_.emplace(name);
}

void FieldReader::refuse(std::string_view name, std::initializer_list<Json> harmless) {
  const Json* value = take(name);
  if (!value) return;
  for (const Json& nothing : harmless) {
    if (*value == nothing) return;
  }
  fail(unsupported_field(path(name), fmt::format("'{}' is not supported by this server.", path(name))));
}

std::optional<ApiError> FieldReader::finish() {
  if (error_) return error_;
  for (const auto& [name, value] : object_.items()) {
    if (known_.contains(name)) continue;
    std::string shown = path(name.size() > 80 ? std::string_view("...") : std::string_view(name));
    ApiError error = invalid_field(shown, fmt::format("Unknown parameter: '{}'.", shown));
    error.code = "unknown_parameter";
    return error;
  }
  return std::nullopt;
}

}  // namespace pingti::wire
