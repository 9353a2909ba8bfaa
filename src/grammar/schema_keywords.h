// Keywords of JSON Schema by what they are about.
#pragma once

#include <string_view>
#include <vector>

namespace pingti {

using KeywordNames = std::vector<std::string_view>;

inline const KeywordNames kAnnotations = {
    "title",      "description",     "default",          "example",       "examples",
    "deprecated", "readOnly",        "writeOnly",        "$comment",      "$schema",
    "$anchor",    "contentEncoding", "contentMediaType", "contentSchema", "discriminator",
    "$defs",      "definitions",     "$vocabulary"};
inline const KeywordNames kDeciding = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};
inline const KeywordNames kOfString = {"minLength", "maxLength", "pattern", "format"};
inline const KeywordNames kOfNumber = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
                                       "multipleOf"};
inline const KeywordNames kOfArray = {"items",    "prefixItems", "minItems",
                                      "maxItems", "uniqueItems", "unevaluatedItems"};
inline const KeywordNames kOfObject = {
    "properties",    "required",      "additionalProperties", "patternProperties",
    "propertyNames", "minProperties", "maxProperties",        "unevaluatedProperties"};
inline const KeywordNames kTypes = {"string", "integer", "number", "boolean", "null", "array", "object"};

}  // namespace pingti
