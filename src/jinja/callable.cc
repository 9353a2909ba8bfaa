#include "jinja/callable.h"

#include <fmt/core.h>

#include <algorithm>

namespace pingti::jinja {

const Value* Arguments::find(std::string_view name) const {
  for (const auto& [key, value] : keyword) {
    if (key == name) return &value;
  }
  return nullptr;
}

Signature::Signature(std::string_view function, const Arguments& arguments,
                     std::initializer_list<std::string_view> names)
    : function_(function), slots_(names.size()), present_(names.size(), false) {
  for (std::string_view name : names) names_.emplace_back(name);
  if (arguments.positional.size() > names.size()) {
    throw_runtime(fmt::format("{}() takes at most {} arguments, {} were given", function, names.size(),
                              arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    slots_[i] = arguments.positional[i];
    present_[i] = true;
  }
  for (const auto& [name, value] : arguments.keyword) {
    const auto at = static_cast<size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    if (at == names_.size()) {
      throw_runtime(fmt::format("{}() got an unexpected keyword argument '{}'", function, name));
    }
    if (present_[at]) throw_runtime(fmt::format("{}() got two values for argument '{}'", function, name));
    slots_[at] = value;
    present_[at] = true;
  }
}

const Value& Signature::required(size_t index) const {
  if (!present_[index]) throw_runtime(fmt::format("{}() lacks its argument '{}'", function_, names_[index]));
  return slots_[index];
}

bool Signature::flag(size_t index, bool otherwise) const {
  return present_[index] ? truthy(slots_[index]) : otherwise;
}

int64_t Signature::integer(size_t index, int64_t otherwise) const {
  if (!present_[index]) return otherwise;
  if (slots_[index].is_undefined()) throw_undefined(slots_[index]);
  if (!slots_[index].is_integral()) {
    throw_runtime(
        fmt::format("{}() wants an int as '{}', not {}", function_, names_[index], type_name(slots_[index])));
  }
  return slots_[index].as_int();
}

std::string Signature::text(size_t index, std::string_view otherwise) const {
  if (!present_[index]) return std::string(otherwise);
  if (slots_[index].is_undefined()) throw_undefined(slots_[index]);
  if (!slots_[index].is_string()) {
    throw_runtime(
        fmt::format("{}() wants a str as '{}', not {}", function_, names_[index], type_name(slots_[index])));
  }
  return slots_[index].text();
}

Value make_function(Function::Body body) {
  return Value(Kind::kCallable, std::make_shared<Function>(std::move(body)));
}

}  // namespace pingti::jinja
