// Filters that compare items: sort, dictsort, groupby, min, max, sum.
#include <algorithm>

#include "jinja/filters.h"
#include "jinja/merge_sort.h"
#include "jinja/operators.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

struct Keyed {
  Value key;
  Value item;
};

// Stable, as Python's sorted, in both directions.
void sort_keyed(std::vector<Keyed>* all, bool reverse, const Maker& make) {
  auto less = [&](const Keyed& a, const Keyed& b) {
    make.meter()->step();
    return compare(CompareOp::kLess, a.key, b.key, make);
  };
  if (reverse) std::reverse(all->begin(), all->end());
  merge_sort(all, less);
  if (reverse) std::reverse(all->begin(), all->end());
}

Value own_case(const Value& value, bool case_sensitive, const Maker& make) {
  return case_sensitive ? value : ignore_case(value, make);
}

// One or several attributes, split at commas; the key is the list of them.
std::vector<AttributePath> paths_of(const Value& attribute, const Maker& make) {
  std::vector<AttributePath> paths;
  if (!attribute.is_string()) {
    paths.emplace_back(attribute, make);
    return paths;
  }
  for (std::string_view part : split(attribute.text(), ",", -1)) {
    paths.emplace_back(make.string(std::string(part)), make);
  }
  return paths;
}

Value sort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const Maker& make = interpreter.make();
  const auto paths = paths_of(take.optional(2, Value::none()), make);
  std::vector<Keyed> all;
  for (const Value& item : items_of(input, make)) {
    Values key;
    for (const AttributePath& path : paths) key.push_back(own_case(path.of(item), take.flag(1, false), make));
    all.push_back({make.list(std::move(key)), item});
  }
  sort_keyed(&all, take.flag(0, false), make);
  Values sorted;
  for (Keyed& row : all) sorted.push_back(std::move(row.item));
  return make.list(std::move(sorted));
}

Value dict_sort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const Maker& make = interpreter.make();
  const std::string by = take.text(1, "key");
  if (by != "key" && by != "value") throw_runtime("You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) throw_undefined(input);
  if (!input.is(Kind::kDict)) throw_runtime("dictsort wants a dict");
  std::vector<Keyed> all;
  for (const DictEntry& entry : input.dict().entries) {
    all.push_back({own_case(by == "key" ? entry.key : entry.value, take.flag(0, false), make),
                   make.tuple({entry.key, entry.value})});
  }
  sort_keyed(&all, take.flag(2, false), make);
  Values sorted;
  for (Keyed& row : all) sorted.push_back(std::move(row.item));
  return make.list(std::move(sorted));
}

Value group_by(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("groupby", arguments, {"attribute", "default", "case_sensitive"});
  const Maker& make = interpreter.make();
  const bool case_sensitive = take.flag(2, false);
  const AttributePath path(take.required(0), make);
  const Value otherwise = take.optional(1, Value::none());
  std::vector<Keyed> all;
  for (const Value& item : items_of(input, make)) {
    all.push_back({own_case(path.of(item, otherwise), case_sensitive, make), item});
  }
  sort_keyed(&all, false, make);
  Values groups;
  for (size_t at = 0; at < all.size();) {
    Values members;
    const size_t start = at;
    for (; at < all.size() && compare(CompareOp::kEqual, all[at].key, all[start].key, make); ++at) {
      members.push_back(all[at].item);
    }
    if (at == start) ++at;  // a key that does not equal itself
    groups.push_back(make.group(path.of(all[start].item, otherwise), std::move(members)));
  }
  return make.list(std::move(groups));
}

template <CompareOp better>
Value extreme(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take(better == CompareOp::kLess ? "min" : "max", arguments, {"case_sensitive", "attribute"});
  const Maker& make = interpreter.make();
  const AttributePath path(take.optional(1, Value::none()), make);
  Value best, best_key;
  bool any = false;
  for (const Value& item : items_of(input, make)) {
    const Value key = own_case(path.of(item), take.flag(0, false), make);
    if (any && !compare(better, key, best_key, make)) continue;
    best = item;
    best_key = key;
    any = true;
  }
  return any ? best : Value::undefined("No aggregated item, sequence was empty.");
}

Value sum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("sum", arguments, {"attribute", "start"});
  const Maker& make = interpreter.make();
  const AttributePath path(take.optional(0, Value::none()), make);
  Value total = take.optional(1, Value::integer(0));
  if (total.is_string()) throw_runtime("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : items_of(input, make)) total = binary(BinaryOp::kAdd, total, path.of(item), make);
  return total;
}

constexpr FilterRow kRows[] = {
    {"sort", sort},
    {"dictsort", dict_sort},
    {"groupby", group_by},
    {"min", extreme<CompareOp::kLess>},
    {"max", extreme<CompareOp::kGreater>},
    {"sum", sum},
};

}  // namespace

std::span<const FilterRow> order_filters() { return kRows; }

}  // namespace pingti::jinja
