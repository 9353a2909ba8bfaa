#include "grammar/schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "grammar/testing/byte_grammar.h"

namespace pingti::testing {
namespace {

struct Refused {
  const char* schema;
  const char* code;
  const char* path;
};

class RefusedSchemas : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedSchemas, NameCodeAndPath) {
  const auto prepared = prepare_schema(GetParam().schema);
  ASSERT_FALSE(prepared) << GetParam().schema << " -> " << prepared->text;
  EXPECT_EQ(prepared.error().error.code, GetParam().code)
      << GetParam().schema << prepared.error().error.message;
  EXPECT_EQ(prepared.error().path, GetParam().path) << GetParam().schema;
  EXPECT_FALSE(prepared.error().error.message.empty());
}

constexpr const char* kNo = "grammar.unsupported";
constexpr const char* kBad = "grammar.schema";

INSTANTIATE_TEST_SUITE_P(
    Keywords, RefusedSchemas,
    ::testing::Values(
        Refused{R"({"not": {"type": "string"}})", kNo, "not"},
        Refused{R"({"type": "string", "if": {}, "then": {}})", kNo, "if"},
        Refused{R"({"type": "string", "then": {}})", kNo, "then"},
        Refused{R"({"type": "string", "else": {}})", kNo, "else"},
        Refused{R"({"type": "object", "dependentRequired": {"a": ["b"]}})", kNo, "dependentRequired"},
        Refused{R"({"type": "object", "dependentSchemas": {}})", kNo, "dependentSchemas"},
        Refused{R"({"type": "object", "dependencies": {}})", kNo, "dependencies"},
        Refused{R"({"type": "array", "uniqueItems": true})", kNo, "uniqueItems"},
        Refused{R"({"type": "array", "contains": {}})", kNo, "contains"},
        Refused{R"({"type": "array", "minContains": 1})", kNo, "minContains"},
        Refused{R"({"type": "array", "maxContains": 1})", kNo, "maxContains"},
        Refused{R"({"type": "array", "additionalItems": false})", kNo, "additionalItems"},
        Refused{R"({"type": "array", "items": [{}, {}]})", kNo, "items"},
        Refused{R"({"type": "array", "unevaluatedItems": {"type": "null"}})", kNo, "unevaluatedItems"},
        Refused{R"({"type": "object", "unevaluatedProperties": {"type": "null"}})", kNo,
                "unevaluatedProperties"},
        Refused{R"({"$dynamicRef": "#a"})", kNo, "$dynamicRef"},
        Refused{R"({"$recursiveRef": "#"})", kNo, "$recursiveRef"},
        Refused{R"({"type": "string", "nullable": true})", kNo, "nullable"},
        Refused{R"({"properties": {"a": {"items": {"not": {}}, "type": "array"}}})", kNo,
                "properties.a.items.not"},
        Refused{R"({"properties": {"a/b": {"type": "null"}, "a": {"properties": {"x": {"$id": "y"}}}}})", kNo,
                "properties.a.properties.x.$id"},
        Refused{R"({"allOf": [{"type": "string"}, {"type": "string"}]})", kNo, "allOf"},
        Refused{R"({"anyOf": [{"type": "string"}], "type": "string"})", kNo, "type"},
        Refused{R"({"$ref": "#/$defs/a", "minLength": 1, "$defs": {"a": {"type": "string"}}})", kNo,
                "minLength"},
        Refused{R"({"enum": ["a"], "minLength": 1})", kNo, "minLength"},
        Refused{R"({"$ref": "https://example.com/schema"})", kNo, "$ref"},
        Refused{R"({"$ref": "other.json#/a"})", kNo, "$ref"},
        Refused{R"({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {}}})", kNo, "$ref"},
        Refused{R"({"type": "string", "minLength": 1, "pattern": "a"})", kNo, "minLength"},
        Refused{R"({"type": "string", "maxLength": 1, "format": "date"})", kNo, "maxLength"},
        Refused{R"({"type": "string", "pattern": "a", "format": "date"})", kNo, "format"},
        Refused{R"({"type": "string", "format": "password"})", kNo, "format"},
        Refused{R"({"type": "string", "pattern": "(?=a)b"})", kNo, "pattern"},
        Refused{R"({"type": "string", "pattern": "\"x\""})", kNo, "pattern"},
        Refused{R"({"type": "number", "multipleOf": 0.5})", kNo, "multipleOf"},
        Refused{R"({"type": "integer", "multipleOf": 3, "minimum": 1})", kNo, "multipleOf"},
        Refused{R"({"type": "integer", "multipleOf": 3, "minimum": 0, "maximum": 100000})", kNo,
                "multipleOf"},
        Refused{R"({"type": "integer", "multipleOf": 5000})", kNo, "multipleOf"},
        Refused{R"({"type": "integer", "minimum": 0.5})", kNo, "minimum"},
        Refused{R"({"type": "number", "maximum": 1e30})", kNo, "maximum"},
        Refused{R"({"minLength": 1, "minimum": 3})", kNo, ""},
        Refused{R"({"type": "object", "properties": {"a": {}}, "patternProperties": {"^b": {}}})", kNo,
                "patternProperties"},
        Refused{R"({"type": "object", "patternProperties": {"^a": {}, "^b": {}}})", kNo, "patternProperties"},
        Refused{R"({"type": "object", "properties": {"a": {}}, "propertyNames": {"minLength": 2}})", kNo,
                "propertyNames"},
        Refused{R"({"type": "object", "minProperties": 2})", kNo, "minProperties"},
        Refused{R"({"type": "object", "patternProperties": {"^a": {}}, "required": ["ab"]})", kNo,
                "required[0]"}));

INSTANTIATE_TEST_SUITE_P(
    Malformed, RefusedSchemas,
    ::testing::Values(
        Refused{"{", "grammar.json", ""}, Refused{"[]", kBad, ""}, Refused{"false", kBad, ""},
        Refused{R"({"type": "text"})", kBad, "type"}, Refused{R"({"type": []})", kBad, "type"},
        Refused{R"({"enum": []})", kBad, "enum"}, Refused{R"({"enum": [1], "type": "string"})", kBad, "enum"},
        Refused{R"({"anyOf": []})", kBad, "anyOf"}, Refused{R"({"anyOf": {}})", kBad, "anyOf"},
        Refused{R"({"properties": []})", kBad, "properties"},
        Refused{R"({"required": "a"})", kBad, "required"}, Refused{R"({"required": [1]})", kBad, "required"},
        Refused{R"({"properties": {"a": false}})", kBad, "properties.a"},
        Refused{R"({"additionalProperties": false, "required": ["a"]})", kBad, "required[0]"},
        Refused{R"({"type": "string", "minLength": -1})", kBad, "minLength"},
        Refused{R"({"type": "string", "minLength": 1.5})", kBad, "minLength"},
        Refused{R"({"type": "string", "minLength": 3, "maxLength": 2})", kBad, "minLength"},
        Refused{R"({"type": "string", "pattern": 3})", kBad, "pattern"},
        Refused{R"({"type": "string", "pattern": "a("})", "grammar.regex", "pattern"},
        Refused{R"({"type": "integer", "minimum": 3, "maximum": 2})", kBad, ""},
        Refused{R"({"type": "integer", "exclusiveMinimum": 3, "maximum": 3})", kBad, ""},
        Refused{R"({"type": "integer", "minimum": 4, "maximum": 5, "multipleOf": 3})", kBad, "multipleOf"},
        Refused{R"({"type": "array", "minItems": 3, "maxItems": 2})", kBad, "minItems"},
        Refused{R"({"$ref": "#/$defs/none"})", kBad, "$ref"}, Refused{R"({"$ref": "#"})", kBad, ""},
        Refused{R"({"anyOf": [{"type": "null"}, {"$ref": "#"}]})", kBad, ""},
        Refused{R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})",
                kBad, ""},
        Refused{R"({"properties": {"next": {"$ref": "#"}}, "required": ["next"]})", kBad, ""}));

std::string repeated(const std::string& before, int times, const std::string& middle,
                     const std::string& after) {
  std::string text = middle;
  for (int i = 0; i < times; ++i) text = before + text + after;
  return text;
}

void expect_over_limit(const std::string& schema, const std::string& path_start) {
  const auto prepared = prepare_schema(schema);
  ASSERT_FALSE(prepared) << schema.substr(0, 200);
  EXPECT_EQ(prepared.error().error.code, "grammar.limit");
  EXPECT_EQ(prepared.error().error.kind, ErrorKind::kTooLarge);
  EXPECT_TRUE(prepared.error().path.starts_with(path_start)) << prepared.error().path;
}

TEST(SchemaLimits, EachIsHeld) {
  const OutputLimits limits;
  expect_over_limit(std::string(limits.text_bytes, ' ') + "{}", "");
  expect_over_limit(std::string(100'000, '['), "");
  const auto nested = [](int depth) { return repeated(R"({"type": "array", "items": )", depth, "{}", "}"); };
  EXPECT_TRUE(prepare_schema(nested(limits.depth)));
  expect_over_limit(nested(limits.depth + 1), "items.items.items");
  const auto many = [](const char* begin, size_t count, const char* end, const auto& item) {
    std::string text = begin;
    for (size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + item(i);
    return text + end;
  };
  const auto number = [](size_t i) { return std::to_string(i); };
  EXPECT_TRUE(prepare_schema(many("{\"enum\": [", limits.choices, "]}", number)));
  expect_over_limit(many("{\"enum\": [", limits.choices + 1, "]}", number), "enum");
  expect_over_limit("{\"enum\": [\"" + std::string(limits.choice_bytes, 'a') + "\"]}", "enum");
  const auto property = [](size_t i) { return "\"p" + std::to_string(i) + "\": {}"; };
  EXPECT_TRUE(prepare_schema(many("{\"properties\": {", limits.properties, "}}", property)));
  expect_over_limit(many("{\"properties\": {", limits.properties + 1, "}}", property), "");
  expect_over_limit(many("{\"anyOf\": [", limits.schemas, "]}", [](size_t) { return std::string("{}"); }),
                    "anyOf[");
  const auto bound = [](const char* name, size_t value, const char* type) {
    return std::string("{\"type\": \"") + type + "\", \"" + name + "\": " + std::to_string(value) + "}";
  };
  EXPECT_TRUE(prepare_schema(bound("maxLength", limits.repetitions, "string")));
  expect_over_limit(bound("maxLength", limits.repetitions + 1, "string"), "maxLength");
  expect_over_limit(bound("minLength", limits.repetitions + 1, "string"), "minLength");
  expect_over_limit(bound("maxItems", limits.repetitions + 1, "array"), "");
  expect_over_limit(bound("minItems", limits.repetitions + 1, "array"), "");
  expect_over_limit(bound("maxProperties", limits.repetitions + 1, "object"), "");
  expect_over_limit(R"({"type": "string", "pattern": "(a{100}){100}"})", "pattern");
  expect_over_limit(R"({"type": "string", "pattern": ")" + std::string(limits.regex_bytes + 1, 'a') + "\"}",
                    "pattern");
}

struct Sample {
  const char* schema;
  std::vector<std::string> right;
  std::vector<std::string> wrong;
};

void PrintTo(const Sample& sample, std::ostream* out) { *out << sample.schema; }

class EnforcedSchemas : public ::testing::TestWithParam<Sample> {};

TEST_P(EnforcedSchemas, TakeWhatTheySayAndNothingElse) {
  for (const std::string& text : GetParam().right)
    EXPECT_TRUE(accepts(schema_spec(GetParam().schema), text)) << text;
  for (const std::string& text : GetParam().wrong)
    EXPECT_FALSE(accepts(schema_spec(GetParam().schema), text)) << text;
}

using Texts = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(
    All, EnforcedSchemas,
    ::testing::Values(
        Sample{R"({"type": "object"})", Texts{"{}", R"({"a": [1, null]})"}, Texts{"[]", "1"}},
        Sample{R"({"type": "array"})", Texts{"[]", R"([1, {"a": 2}])"}, Texts{"{}"}},
        Sample{R"({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]})",
               Texts{R"({"a": 1})", R"({"a":1,"b":"x"})", "{\n  \"a\": 1,\n  \"b\": \"\"\n}"},
               Texts{"{}", R"({"b": "x"})", R"({"a": "1"})", R"({"a": 1, "c": 2})"}},
        Sample{R"({"properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "boolean"}})",
               Texts{"{}", R"({"a": 1, "z": true})", R"({"z": true})"},
               Texts{R"({"a": true})", R"({"z": 1})"}},
        Sample{R"({"required": ["x"]})", Texts{R"({"x": null})"}, Texts{"{}"}},
        Sample{R"({"type": "string", "enum": ["a", 1, "b c"]})", Texts{R"("a")", R"("b c")"},
               Texts{"1", R"("c")"}},
        Sample{R"({"const": {"a": [1, "x"]}})", Texts{R"({"a":[1,"x"]})"}, Texts{R"({"a":[1]})"}},
        Sample{R"({"type": ["integer", "null"], "minimum": 3})", Texts{"3", "null"}, Texts{"2", R"("")"}},
        Sample{R"({"type": "integer", "minimum": -5, "exclusiveMaximum": 12})", Texts{"-5", "0", "11"},
               Texts{"-6", "12", "1.5", "01"}},
        Sample{R"({"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 50})", Texts{"0", "7", "49"},
               Texts{"8", "56"}},
        Sample{R"({"type": "number", "minimum": 0.5, "maximum": 2})", Texts{"0.5", "1", "1.25", "2"},
               Texts{"0.4", "2.1", "3", "-1"}},
        Sample{R"({"type": "string", "minLength": 2, "maxLength": 3})", Texts{R"("ab")", R"("日本語")"},
               Texts{R"("a")", R"("abcd")", "\"a\tb\"", R"("日")", R"("a\n")"}},
        Sample{R"({"type": "string", "minLength": 2})", Texts{R"("ab")", R"("abcdef")"}, Texts{R"("a")"}},
        Sample{R"({"type": "string", "pattern": "^[a-c]+\\.\\d$"})", Texts{R"("abc.1")"},
               Texts{R"("d.1")", R"("a.x")"}},
        Sample{R"({"type": "string", "pattern": "(ab+)?[\\^^-b]"})", Texts{R"("abb^")", R"("a")", R"("_")"},
               Texts{R"("bb")", R"("c")", R"("x")"}},
        Sample{R"({"type": "string", "pattern": "^(é|[^x]{2})$"})", Texts{R"("é")", R"("ab")"},
               Texts{R"("xa")", "\"a\n\"", R"("""")", R"("\\")"}},
        Sample{R"({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2})",
               Texts{"[true]", "[true, false]"}, Texts{"[]", "[1]", "[true,true,true]"}},
        Sample{
            R"({"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": {"type": "integer"}})",
            Texts{R"(["a", null, 1, 2])"}, Texts{R"([1])", R"(["a", null, "b"])"}},
        Sample{R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})",
               Texts{"12", R"("x")"}, Texts{R"("xy")", "null"}},
        Sample{R"({"oneOf": [{"type": "integer", "minimum": 5}, {"type": "string", "maxLength": 1}]})",
               Texts{"12", R"("x")"}, Texts{"4", R"("xy")"}},
        Sample{R"({"oneOf": [{"type": "integer"}, {"type": "string"}]})", Texts{"12", R"("x")"},
               Texts{"null"}},
        Sample{R"({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "boolean"}}})", Texts{"true"},
               Texts{"1"}},
        Sample{
            R"({"properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
                  "required": ["v", "next"]})",
            Texts{R"({"v": 1, "next": {"v": 2, "next": null}})"},
            Texts{R"({"v": 1})", R"({"v": 1, "next": {}})"}},
        Sample{R"({"type": "object", "patternProperties": {"^n_[a-z]+$": {"type": "integer"}}})",
               Texts{"{}", R"({"n_a": 1, "n_b": 2})"}, Texts{R"({"a": 1})", R"({"n_a": ""})"}},
        Sample{
            R"({"type": "object", "propertyNames": {"enum": ["x", "y"]}, "additionalProperties": {"type": "null"}})",
            Texts{R"({"x": null})"}, Texts{R"({"z": null})", R"({"x": 1})"}},
        Sample{R"({"properties": {"a": {}, "b": {}, "c": {}}, "minProperties": 2, "maxProperties": 2})",
               Texts{R"({"a": 1, "c": 2})"}, Texts{"{}", R"({"a": 1})", R"({"a": 1, "b": 1, "c": 1})"}},
        Sample{R"({"properties": {"a \"q\" /~": {"type": "null"}}, "required": ["a \"q\" /~"]})",
               Texts{R"({"a \"q\" /~": null})"}, Texts{"{}"}},
        Sample{R"({"type": "integer", "format": "int32"})", Texts{"5"}, Texts{"5.5"}},
        Sample{"true", Texts{"1", "{}", R"("x")"}, Texts{"x"}}));

struct FormatSample {
  const char* format;
  std::vector<std::string> right;
  std::vector<std::string> wrong;
};

TEST(SchemaFormats, EachIsEnforced) {
  const FormatSample samples[] = {
      {"date", {"2024-02-28", "1999-12-31"}, {"2024-02-30", "2024-13-01", "24-01-01", "2023-04-31"}},
      {"time", {"12:30:59Z", "23:00:00.5+02:00"}, {"24:00:00Z", "12:00Z", "12:00:00"}},
      {"date-time", {"2024-06-30T00:00:00Z"}, {"2024-06-31T00:00:00Z", "2024-06-30"}},
      {"duration", {"P1Y2M3D", "PT5M", "P2W", "P1DT12H"}, {"P", "PT", "1Y"}},
      {"email", {"a.b+c@example.com"}, {"a@", "a b@c.de", "@x.yz", "a..b@c.de"}},
      {"hostname", {"example.com", "a-b.c"}, {"-a.b", "a..b", ""}},
      {"ipv4", {"127.0.0.1", "255.255.255.255"}, {"256.1.1.1", "1.2.3", "01.2.3.4"}},
      {"ipv6", {"::", "::1", "2001:db8::ff", "1:2:3:4:5:6:7:8"}, {"1:2", ":::", "12345::"}},
      {"uuid",
       {"123e4567-e89b-12d3-a456-426614174000"},
       {"123e4567", "g23e4567-e89b-12d3-a456-426614174000"}},
      {"uri", {"https://example.com/a?b=c#d", "urn:isbn:1"}, {"example", "https://", "http://a b"}},
      {"uri-reference", {"/a/b", "#x", "http://x.y/z"}, {"a b", "http://"}},
      {"json-pointer", {"", "/a/0/~1b"}, {"a", "/~2"}},
      {"relative-json-pointer", {"0#", "1/a"}, {"/a", "-1"}},
  };
  for (const FormatSample& sample : samples) {
    const auto spec = schema_spec(std::string(R"({"type": "string", "format": ")") + sample.format + "\"}");
    for (const std::string& text : sample.right)
      EXPECT_TRUE(accepts(spec, "\"" + text + "\"")) << sample.format << text;
    for (const std::string& text : sample.wrong)
      EXPECT_FALSE(accepts(spec, "\"" + text + "\"")) << sample.format << text;
  }
}

TEST(SchemaCompile, OverlappingOneOfIsRefused) {
  const auto compiled = byte_compiler().compile(
      schema_spec(R"({"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "number"}]}}})"));
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().error.code, "grammar.unsupported");
  EXPECT_EQ(compiled.error().path, "properties.a.oneOf");
}

// Whatever tokens are drawn, what comes out is JSON.
TEST(SchemaRandom, EveryTextIsJson) {
  const char* schemas[] = {
      R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "n": {"type": "integer", "minimum": -20, "maximum": 3000},
          "tags": {"type": "array", "items": {"enum": ["a", "b\n", 3]}, "maxItems": 3}, "x": {"type": "number", "minimum": -1.5, "maximum": 2.25}},
          "required": ["name", "n", "tags", "x"]})",
      R"({"type": "array", "items": {"type": "string", "pattern": "^[^a-z]{0,5}$"}, "minItems": 2, "maxItems": 4})",
      R"({"type": "object", "patternProperties": {"^[^b]{1,3}$": {"type": "boolean"}}, "maxProperties": 3})",
      R"({"type": "string", "minLength": 5, "maxLength": 9})",
      R"({"anyOf": [{"type": "string", "format": "json-pointer"}, {"type": "string", "format": "email"}]})"};
  int ended_count = 0;
  for (const char* schema : schemas) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      bool ended = false;
      const std::string text = random_text(schema_spec(schema), seed, 3000, &ended);
      if (!ended) continue;
      ++ended_count;
      EXPECT_TRUE(nlohmann::json::accept(text)) << text;
    }
  }
  EXPECT_GT(ended_count, 40);
}

}  // namespace
}  // namespace pingti::testing
