// Filters over sequences and mappings that keep their order.
#include <fmt/core.h>

#include <algorithm>

#include "jinja/attributes.h"
#include "jinja/filters.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

Value length(Interpreter&, const Value& input, const Arguments& arguments) {
  Signature take("length", arguments, {});
  return Value::integer(length_of(input));
}

Value default_value(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("default", arguments, {"default_value", "boolean"});
  const bool replaced = input.is_undefined() || (take.flag(1, false) && !truthy(input));
  return replaced ? take.optional(0, interpreter.make().string("")) : input;
}

Value first(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("first", arguments, {});
  if (input.is(Kind::kIterator)) {
    auto* iterator = input.mutable_object<IteratorObject>();
    if (iterator->next < iterator->items.size()) return iterator->items[iterator->next++];
  } else if (input.is_sequence()) {
    if (!input.items().empty()) return input.items().front();
  } else {
    const Values items = items_of(input, interpreter.make());
    if (!items.empty()) return items.front();
  }
  return Value::undefined("No first item, sequence was empty.");
}

Value last(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("last", arguments, {});
  if (input.is(Kind::kIterator)) throw_runtime("'generator' object is not reversible");
  const Values items = items_of(input, interpreter.make());
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value list(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("list", arguments, {});
  return interpreter.make().list(items_of(input, interpreter.make()));
}

Value items(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("items", arguments, {});
  const Maker& make = interpreter.make();
  if (input.is_undefined()) return make.iterator({});
  if (!input.is(Kind::kDict)) throw_runtime("Can only get item pairs from a mapping.");
  return make.iterator(items_of(make.dict_view(input, DictViewObject::Part::kItems), make));
}

Value join(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("join", arguments, {"d", "attribute"});
  const Maker& make = interpreter.make();
  const std::string separator = take.given(0) ? to_text(take.required(0), make) : "";
  const AttributePath path(take.optional(1, Value::none()), make);
  std::string out;
  bool started = false;
  for (const Value& item : items_of(input, make)) {
    if (started) out += separator;
    started = true;
    out += to_text(path.of(item), make);
    make.meter()->expect_bytes(out.size());
  }
  return make.string(std::move(out));
}

Value reverse(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("reverse", arguments, {});
  const Maker& make = interpreter.make();
  if (input.is_string()) {
    make.meter()->expect_bytes(input.text().size() * sizeof(std::string_view));
    auto all = characters(input.text());
    std::string out;
    for (auto it = all.rbegin(); it != all.rend(); ++it) out += *it;
    return make.string(std::move(out), input.is_markup());
  }
  if (input.is_undefined()) return make.list({});
  Values values = items_of(input, make);
  std::reverse(values.begin(), values.end());
  if (input.is(Kind::kIterator)) return make.list(std::move(values));
  return make.iterator(std::move(values), fmt::format("{}_reverseiterator", type_name(input)));
}

Value batch(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("batch", arguments, {"linecount", "fill_with"});
  take.required(0);
  const int64_t size = take.integer(0, 1);
  const Maker& make = interpreter.make();
  Values rows, row;
  auto flush = [&] { rows.push_back(make.list(std::exchange(row, {}))); };
  for (const Value& item : items_of(input, make)) {
    if (static_cast<int64_t>(row.size()) == size) flush();
    row.push_back(item);
  }
  if (!row.empty()) {
    if (take.given(1) && !take.required(1).is_none() && static_cast<int64_t>(row.size()) < size) {
      make.meter()->expect_bytes(static_cast<size_t>(std::min<int64_t>(size, INT64_MAX / 64)) *
                                 sizeof(Value));
      row.resize(static_cast<size_t>(size), take.required(1));
    }
    flush();
  }
  return make.iterator(std::move(rows));
}

Value slice(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("slice", arguments, {"slices", "fill_with"});
  take.required(0);
  const int64_t slices = take.integer(0, 1);
  const Maker& make = interpreter.make();
  const Values all = items_of(input, make);
  if (slices == 0) throw_runtime("integer modulo by zero");
  const auto size = static_cast<int64_t>(all.size());
  const bool fills = take.given(1) && !take.required(1).is_none();
  Values rows;
  int64_t start = 0;
  for (int64_t i = 0; i < slices; ++i) {
    make.meter()->step();
    const int64_t count = size / slices + (i < size % slices);
    Values row(all.begin() + start, all.begin() + start + count);
    start += count;
    if (fills && i >= size % slices) row.push_back(take.required(1));
    rows.push_back(make.list(std::move(row)));
  }
  return make.iterator(std::move(rows));
}

Value unique(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("unique", arguments, {"case_sensitive", "attribute"});
  const Maker& make = interpreter.make();
  const bool case_sensitive = take.flag(0, false);
  const AttributePath path(take.optional(1, Value::none()), make);
  Values kept;
  std::unordered_multimap<size_t, Value> seen;
  for (const Value& item : items_of(input, make)) {
    make.meter()->step(extent_of(item).weight);
    const Value own = path.of(item);
    const Value key = case_sensitive ? own : ignore_case(own, make);
    const auto [begin, end] = seen.equal_range(hash_of(key));
    if (std::any_of(begin, end, [&](const auto& row) { return equal(row.second, key); })) continue;
    seen.emplace(hash_of(key), key);
    kept.push_back(item);
  }
  return make.iterator(std::move(kept));
}

Value attribute(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("attr", arguments, {"name"});
  take.required(0);
  Value found;
  const std::string name = take.text(0, "");
  if (find_attribute(input, name, interpreter.make(), &found)) return found;
  return Value::undefined(
      fmt::format("'{} object' has no attribute '{}'", type_name(input), name.substr(0, 80)));
}

constexpr FilterRow kRows[] = {
    {"length", length},   {"count", length},   {"default", default_value},
    {"d", default_value}, {"first", first},    {"last", last},
    {"list", list},       {"items", items},    {"join", join},
    {"reverse", reverse}, {"batch", batch},    {"slice", slice},
    {"unique", unique},   {"attr", attribute},
};

}  // namespace

std::span<const FilterRow> sequence_filters() { return kRows; }

}  // namespace pingti::jinja
