// What prepare_schema() works with: one walk over a schema that checks it and writes it anew in place. For
// the schema*.cc files alone.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grammar/expression.h"
#include "grammar/schema.h"

namespace pingti {

// Paths are for people ("properties.a"), pointers name places ("#/properties/a"). The first problem ends the
// walk.
class SchemaPreparer {
 public:
  using Json = nlohmann::ordered_json;
  using Names = std::vector<std::string_view>;

  SchemaPreparer(Json root, const OutputLimits& limits) : root_(std::move(root)), limits_(limits) {}
  OutputResult<PreparedSchema> run();

 private:
  // What a schema needs to have an instance: all of `all`, and one of `any` unless that is empty.
  struct Needs {
    std::vector<std::string> all;
    std::vector<std::string> any;
    std::vector<std::string> same_place;  // schemas the same value must satisfy
  };

  static bool contains(const Names& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  }
  void refuse(ErrorKind kind, const char* code, const std::string& path, std::string message) {
    if (!problem_) problem_ = output_problem(kind, code, std::move(message), path).error();
  }
  void malformed(const std::string& path, std::string message) {
    refuse(ErrorKind::kInvalid, "grammar.schema", path, std::move(message));
  }
  void unsupported(const std::string& path, std::string message) {
    refuse(ErrorKind::kUnsupported, "grammar.unsupported", path, std::move(message));
  }
  void over(const std::string& path, std::string_view what, size_t most) {
    refuse(ErrorKind::kTooLarge, "grammar.limit", path,
           fmt::format("the schema has more than {} {}", most, what));
  }
  static std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }
  // Steps to the schema at `pointer`, through objects only, as XGrammar does.
  Json* resolve(const std::string& pointer);
  // A schema inside another.
  void inside(Json& schema, const std::string& pointer, const std::string& path, std::string_view name,
              int depth) {
    check(schema, step(pointer, name), path, depth + 1);
  }
  // One pointer for one place, whatever the names.
  static std::string step(const std::string& pointer, std::string_view name);
  void check(Json& schema, const std::string& pointer, const std::string& path, int depth);
  void check_keywords(const Json& schema, const std::string& path);
  // $ref, const, enum and the combinations decide alone: XGrammar ignores what stands beside them.
  void check_deciding(Json& schema, std::string_view deciding, const std::string& pointer,
                      const std::string& path, int depth, Needs& needs);
  // Then oneOf is anyOf, which the library may not see.
  static bool have_different_types(const Json& cases);
  void check_reference(const Json& reference, const std::string& path, Needs& needs);
  static std::string target_path(const std::string& pointer);
  static bool has_type(const Json& value, std::string_view type);
  // const and enum, with `type` leaving out values.
  void check_values(Json& schema, std::string_view deciding, const std::string& path);
  bool check_types(const Json& types, const std::string& path);
  // Without type, XGrammar ignores most keywords.
  void add_type(Json& schema, const std::string& path);
  void check_typed(Json& schema, const std::string& pointer, const std::string& path, int depth,
                   Needs& needs);
  bool count(Json& schema, const char* name, const std::string& path, int64_t* out);
  void add_repetitions(const std::string& path, size_t more);
  // Least and most, with the order checked. False if neither is there.
  bool bounds(Json& schema, const char* least_name, const char* most_name, const std::string& path,
              int64_t* least, int64_t* most);
  void check_string(Json& schema, const std::string& path);
  static bool is_number_format(const Json& format);
  void check_format(Json& schema, const std::string& path);
  // Characters that stand for themselves in a JSON string.
  static CodeRanges in_json_string() { return {{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kLastCodePoint}}; }
  void write_pattern(Json& schema, std::string_view pattern, const std::string& place);
  void check_number(Json& schema, bool integer, const std::string& path);
  void check_multiple(const Json& value, bool integer, double least, double most, const std::string& path);
  void check_array(Json& schema, const std::string& pointer, const std::string& path, int depth,
                   Needs& needs);
  void check_object(Json& schema, const std::string& pointer, const std::string& path, int depth,
                    Needs& needs);
  // Required properties that are not declared are.
  void add_required(Json& schema, bool patterns, const std::string& path);
  void check_patterns(Json& schema, bool named, const std::string& pointer, const std::string& path,
                      int depth);
  void check_names(Json& schema, bool described, const std::string& path);
  // A name that is free may come twice, and then counts once.
  void check_property_counts(Json& schema, bool named, const std::string& path);
  // A schema that refers to itself without anything in between describes nothing.
  void check_loops();
  bool loops(const std::string& pointer, std::map<std::string, int>* state);
  // A finite value must exist: not so where every object needs another of its kind.
  void check_instances();

  Json root_;
  const OutputLimits& limits_;
  std::map<std::string, Needs> needs_;                        // of each schema looked at, by its pointer
  std::vector<std::pair<std::string, std::string>> targets_;  // pointer and path
  std::string first_oneof_;
  size_t properties_ = 0;
  size_t choices_ = 0;
  size_t choice_bytes_ = 0;
  size_t repetitions_ = 0;
  std::optional<OutputProblem> problem_;
};

}  // namespace pingti
