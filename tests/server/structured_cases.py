"""JSON Schemas that are enforced, bounded so that a model that draws at random ends, and what other forms say."""

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "email": {"type": "string", "pattern": "^[a-z]{1,8}@[a-z]{1,8}\\.(com|org)$"},
        "tags": {"type": "array", "items": {"enum": ["new", "vip", 7, None]}, "maxItems": 3},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}

SCHEMAS = {
    "person": PERSON,
    "nested": {
        "type": "object",
        "properties": {
            "people": {"type": "array", "items": {"$ref": "#/$defs/point"}, "minItems": 1, "maxItems": 2},
            "ok": {"type": "boolean"},
        },
        "required": ["people", "ok"],
        "$defs": {"point": {"type": "object", "required": ["x", "y"], "properties": {
            "x": {"type": "number", "minimum": -1.5, "maximum": 2.25}, "y": {"type": "integer", "exclusiveMinimum": -4,
                                                                            "maximum": 1000}}}},
    },
    "recursive": {
        "type": "object",
        "properties": {"v": {"type": "integer", "minimum": 0, "maximum": 9},
                       "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["v", "next"],
    },
    "one_of": {"oneOf": [{"type": "integer", "minimum": 5, "maximum": 60}, {"type": "string", "maxLength": 3},
                         {"type": "null"}]},
    "discriminated": {"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer", "multipleOf": 3,
                                                                       "minimum": 0, "maximum": 99}},
         "required": ["kind", "n"], "additionalProperties": False},
        {"type": "object", "properties": {"kind": {"const": "b"}, "t": {"type": "string", "maxLength": 2}},
         "required": ["kind", "t"], "additionalProperties": False}]},
    "tuple": {"type": "array", "prefixItems": [{"type": "boolean"}, {"type": "string", "maxLength": 2}],
              "items": {"type": "null"}, "minItems": 2, "maxItems": 4},
    "types": {"type": ["integer", "null", "boolean"], "minimum": 10, "maximum": 20},
    "enum_of_type": {"type": "string", "enum": ["ä\n\"", "b", 3]},
    "const": {"const": {"a": [1, "x/y", None]}},
    "all_of_one": {"allOf": [{"type": "string", "pattern": "^\\d{3}-[^0-9]{2}$"}], "description": "a code"},
    "names": {"type": "object", "patternProperties": {"^k[0-9]$": {"type": "boolean"}}, "maxProperties": 3,
              "additionalProperties": False},
    "counts": {"type": "object", "properties": {n: {"type": "boolean"} for n in "abcd"}, "minProperties": 2,
               "maxProperties": 3, "additionalProperties": False},
    "text": {"type": "string", "minLength": 3, "maxLength": 5},
    "unicode": {"type": "object", "properties": {"naïve \"ключ\"/~": {"type": "string", "maxLength": 2}},
                "required": ["naïve \"ключ\"/~"]},
    "negative": {"type": "integer", "minimum": -250, "maximum": -17},
    "decimal": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.75},
}
for _format in ("date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri",
                "uri-reference", "json-pointer", "relative-json-pointer"):
    SCHEMAS["format " + _format] = {"type": "string", "format": _format}

# Fields that give an answer a form, and the pattern it then has.
FORMS = {
    "structured_outputs.regex": ({"structured_outputs": {"regex": "[ab]{2,4}-\\d"}}, r"[ab]{2,4}-\d"),
    "structured_outputs.choice": ({"structured_outputs": {"choice": ["red", "green"]}}, r"red|green"),
    "structured_outputs.grammar": ({"structured_outputs": {"grammar": 'root ::= "x"{1,3} | "y"'}}, r"x{1,3}|y"),
    "guided_regex": ({"guided_regex": "^a{3}$"}, r"a{3}"),
    "guided_choice": ({"guided_choice": ["é\n", "b"]}, r"é\n|b"),
    "guided_grammar": ({"guided_grammar": 'root ::= [0-9]{2}'}, r"[0-9]{2}"),
    "grammar": ({"grammar": 'root ::= item{2}\nitem ::= "- " [a-c] "\\n" # one'}, r"(- [a-c]\n){2}"),
}
