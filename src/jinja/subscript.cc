// Iteration, length, items and slices.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/operators.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

constexpr int64_t kMaxRangeItems = 100'000;  // as the sandbox has it

Values range_items(const RangeObject& range, const Maker& make) {
  const int64_t size = range.size();
  if (size > kMaxRangeItems) throw_limit("the range is too big");
  make.meter()->touch_items(static_cast<size_t>(size));
  Values items;
  items.reserve(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) items.push_back(Value::integer(range.start + i * range.step));
  return items;
}

Values text_items(const Value& text, const Maker& make) {
  make.meter()->expect_bytes(text.text().size() * sizeof(std::string_view));
  Values items;
  for (std::string_view character : characters(text.text())) {
    items.push_back(make.string(std::string(character), text.is_markup()));
  }
  return items;
}

Values view_items(const DictViewObject& view, const Maker& make) {
  Values items;
  for (const DictEntry& entry : view.dict.dict().entries) {
    switch (view.part) {
      case DictViewObject::Part::kKeys:
        items.push_back(entry.key);
        break;
      case DictViewObject::Part::kValues:
        items.push_back(entry.value);
        break;
      case DictViewObject::Part::kItems:
        items.push_back(make.tuple({entry.key, entry.value}));
        break;
    }
  }
  make.meter()->touch_items(items.size());
  return items;
}

int64_t slice_bound(const Value& value, int64_t length, int64_t when_absent, bool backwards) {
  if (value.is_none()) return when_absent;
  if (!value.is_integral()) {
    throw_runtime("slice indices must be integers or None or have an __index__ method");
  }
  int64_t bound = value.as_int();
  if (bound < 0) {
    bound += length;
    return std::max<int64_t>(bound, backwards ? -1 : 0);
  }
  return std::min<int64_t>(bound, backwards ? length - 1 : length);
}

struct Selection {
  int64_t start, step, count;
};

Selection select(const Slice& slice, int64_t length) {
  int64_t step = 1;
  if (!slice.step.is_none()) {
    if (!slice.step.is_integral()) throw_runtime("slice indices must be integers or None");
    step = slice.step.as_int();
    if (step == 0) throw_runtime("slice step cannot be zero");
  }
  step = std::clamp<int64_t>(step, -INT64_MAX, INT64_MAX);
  const bool backwards = step < 0;
  RangeObject range;
  range.start = slice_bound(slice.start, length, backwards ? length - 1 : 0, backwards);
  range.stop = slice_bound(slice.stop, length, backwards ? -1 : length, backwards);
  range.step = step;
  return {range.start, step, range.size()};
}

Value slice_text(const Value& value, const Slice& slice, const Maker& make) {
  const std::string& text = value.text();
  make.meter()->touch_bytes(text.size());
  const bool ascii = is_ascii(text);
  const auto length = static_cast<int64_t>(ascii ? text.size() : count_code_points(text));
  const Selection chosen = select(slice, length);
  if (chosen.step == 1) {
    const size_t from =
        ascii ? static_cast<size_t>(chosen.start) : offset_of(text, static_cast<size_t>(chosen.start));
    std::string_view rest = std::string_view(text).substr(from);
    const auto count = static_cast<size_t>(chosen.count);
    return make.string(std::string(rest.substr(0, ascii ? count : offset_of(rest, count))),
                       value.is_markup());
  }
  make.meter()->expect_bytes(text.size() * sizeof(std::string_view));
  const auto all = characters(text);
  std::string result;
  for (int64_t i = 0; i < chosen.count; ++i)
    result += all[static_cast<size_t>(chosen.start + i * chosen.step)];
  return make.string(std::move(result), value.is_markup());
}

bool text_item(const Value& container, int64_t index, const Maker& make, Value* found) {
  const std::string& text = container.text();
  make.meter()->touch_bytes(text.size());
  const bool ascii = is_ascii(text);
  const auto length = static_cast<int64_t>(ascii ? text.size() : count_code_points(text));
  if (index < 0) index += length;
  if (index < 0 || index >= length) return false;
  const size_t at = ascii ? static_cast<size_t>(index) : offset_of(text, static_cast<size_t>(index));
  *found = make.string(text.substr(at, decode_at(text, at).size), container.is_markup());
  return true;
}

std::string without_underscores(std::string_view text, bool* valid) {
  std::string digits;
  *valid = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const bool between = i > 0 && i + 1 < text.size() &&
                         std::isalnum(static_cast<unsigned char>(text[i - 1])) &&
                         std::isalnum(static_cast<unsigned char>(text[i + 1]));
    if (!between) *valid = false;
  }
  return digits;
}

}  // namespace

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
      return true;
    default:
      return false;
  }
}

Values items_of(const Value& value, const Maker& make) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return {};
    case Kind::kString:
      return text_items(value, make);
    case Kind::kList:
    case Kind::kTuple:
      make.meter()->touch_items(value.items().size());
      return value.items();
    case Kind::kDict: {
      DictViewObject keys;
      keys.dict = value;
      return view_items(keys, make);
    }
    case Kind::kDictView:
      return view_items(*value.object<DictViewObject>(), make);
    case Kind::kRange:
      return range_items(*value.object<RangeObject>(), make);
    case Kind::kIterator: {
      auto* iterator = value.mutable_object<IteratorObject>();
      Values rest(iterator->items.begin() + static_cast<std::ptrdiff_t>(iterator->next),
                  iterator->items.end());
      iterator->next = iterator->items.size();
      return rest;
    }
    default:
      throw_runtime(fmt::format("'{}' object is not iterable", type_name(value)));
  }
}

bool has_length(const Value& value) { return is_iterable(value) && !value.is(Kind::kIterator); }

int64_t length_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return static_cast<int64_t>(count_code_points(value.text()));
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict().entries.size());
    case Kind::kDictView:
      return length_of(value.object<DictViewObject>()->dict);
    case Kind::kRange:
      return value.object<RangeObject>()->size();
    default:
      throw_runtime(fmt::format("object of type '{}' has no len()", type_name(value)));
  }
}

bool find_item(const Value& container, const Value& key, const Maker& make, Value* found) {
  switch (container.kind()) {
    case Kind::kUndefined:
      throw_undefined(container);
    case Kind::kDict: {
      if (key.is(Kind::kList) || key.is(Kind::kDict)) return false;
      make.meter()->touch_items(static_cast<size_t>(extent_of(key).weight));
      const Value* value = container.dict().find(key);
      if (value) *found = *value;
      return value != nullptr;
    }
    case Kind::kString:
      return key.is_integral() && text_item(container, key.as_int(), make, found);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange: {
      if (!key.is_integral()) return false;
      const int64_t length = length_of(container);
      int64_t index = key.as_int();
      if (index < 0) index += length;
      if (index < 0 || index >= length) return false;
      if (container.is(Kind::kRange)) {
        const auto& range = *container.object<RangeObject>();
        *found = Value::integer(range.start + index * range.step);
      } else {
        *found = container.items()[static_cast<size_t>(index)];
      }
      return true;
    }
    default:
      return false;
  }
}

Value slice_of(const Value& container, const Slice& slice, const Maker& make) {
  switch (container.kind()) {
    case Kind::kUndefined:
      throw_undefined(container);
    case Kind::kString:
      return slice_text(container, slice, make);
    case Kind::kList:
    case Kind::kTuple: {
      const Values& all = container.items();
      const Selection chosen = select(slice, static_cast<int64_t>(all.size()));
      Values items;
      items.reserve(static_cast<size_t>(chosen.count));
      for (int64_t i = 0; i < chosen.count; ++i) {
        items.push_back(all[static_cast<size_t>(chosen.start + i * chosen.step)]);
      }
      return container.is(Kind::kList) ? make.list(std::move(items)) : make.tuple(std::move(items));
    }
    case Kind::kRange: {
      const auto& range = *container.object<RangeObject>();
      const Selection chosen = select(slice, range.size());
      if (chosen.count == 0) return make.range(0, 0, 1);
      const int64_t start = range.start + chosen.start * range.step;
      const int64_t step = chosen.count > 1 ? range.step * chosen.step : 1;
      int64_t stop = 0;
      if (__builtin_mul_overflow(chosen.count, step, &stop) || __builtin_add_overflow(start, stop, &stop)) {
        stop = step > 0 ? INT64_MAX : INT64_MIN;
      }
      return make.range(start, stop, step);
    }
    default:
      return Value::undefined(fmt::format("'{}' object cannot be sliced", type_name(container)));
  }
}

bool parse_int(std::string_view text, int base, int64_t* result) {
  text = strip_space(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked && (base == marked || base == 0)) {
      base = marked;
      text.remove_prefix(2);
      if (!text.empty() && text[0] == '_') text.remove_prefix(1);
    }
  }
  if (base == 0) base = 10;
  bool valid = true;
  std::string digits = without_underscores(text, &valid);
  if (!valid || digits.empty() || digits[0] == '-' || base < 2 || base > 36) return false;
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (end != digits.data() + digits.size()) return false;
  if (error == std::errc::result_out_of_range || magnitude > static_cast<uint64_t>(INT64_MAX)) {
    throw_limit("an integer does not fit 64 bits");
  }
  *result = negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
  return true;
}

bool parse_float(std::string_view text, double* result) {
  text = strip_space(text);
  bool valid = true;
  std::string digits = without_underscores(text, &valid);
  if (!valid || digits.empty()) return false;
  std::string_view body = digits;
  bool negative = false;
  if (body[0] == '+' || body[0] == '-') {
    negative = body[0] == '-';
    body.remove_prefix(1);
  }
  const std::string lowered = to_lower(body);
  if (lowered == "inf" || lowered == "infinity") {
    *result = negative ? -INFINITY : INFINITY;
    return true;
  }
  if (lowered == "nan") {
    *result = NAN;
    return true;
  }
  if (body.empty() || !(std::isdigit(static_cast<unsigned char>(body[0])) || body[0] == '.')) return false;
  double magnitude = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), magnitude);
  if (end != body.data() + body.size()) return false;
  if (error == std::errc::result_out_of_range) magnitude = std::strtod(std::string(body).c_str(), nullptr);
  *result = negative ? -magnitude : magnitude;
  return true;
}

Value int_from_double(double d) {
  if (std::isnan(d)) throw_runtime("cannot convert float NaN to integer");
  if (std::isinf(d)) throw_runtime("cannot convert float infinity to integer");
  if (std::fabs(d) >= 9223372036854775808.0) throw_limit("an integer does not fit 64 bits");
  return Value::integer(static_cast<int64_t>(d));
}

}  // namespace pingti::jinja
