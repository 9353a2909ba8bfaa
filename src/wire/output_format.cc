#include "wire/output_format.h"

#include <fmt/format.h>

namespace pingti::wire {
namespace {

using Kind = OutputFormat::Kind;

class FormatReader {
 public:
  FormatReader(FieldReader& fields, OutputFormat* out) : fields_(fields), out_(out) {}

  void read() {
    response_format();
    structured_outputs();
    schema(fields_, "guided_json");
    text(fields_, "guided_regex", Kind::kRegex);
    choice(fields_, "guided_choice");
    text(fields_, "guided_grammar", Kind::kGrammar);
    text(fields_, "grammar", Kind::kGrammar);
    schema(fields_, "json_schema");
    // Which library vLLM uses, and whether white space is free: not what the answer means.
    fields_.ignore({"guided_decoding_backend"});
  }

 private:
  void set(FieldReader& reader, const std::string& param, OutputFormat format) {
    if (out_->kind != Kind::kFree) {
      reader.fail(invalid_field(
          param, fmt::format("'{}' and '{}' both give the answer a form; one can.", out_->param, param)));
      return;
    }
    *out_ = std::move(format);
    out_->param = param;
  }

  void text(FieldReader& reader, std::string_view name, Kind kind) {
    OutputFormat format{.kind = kind};
    if (!reader.string(name, &format.text)) return;
    // llama-server's clients send an empty grammar for none.
    if (format.text.empty() && kind == Kind::kGrammar) return;
    set(reader, reader.path(name), std::move(format));
  }

  void schema(FieldReader& reader, std::string_view name) {
    const Json* value = reader.take(name);
    if (!value) return;
    OutputFormat format{.kind = Kind::kJsonSchema};
    if (value->is_string()) {
      format.text = value->get<std::string>();
    } else if (value->is_object() || value->is_boolean()) {
      format.text = to_text(*value);
    } else {
      return reader.fail_type(name, "a JSON Schema: an object, or its text", *value);
    }
    set(reader, reader.path(name), std::move(format));
  }

  void choice(FieldReader& reader, std::string_view name) {
    const Json* value = reader.take(name);
    if (!value) return;
    OutputFormat format{.kind = Kind::kChoice};
    bool right = value->is_array() && !value->empty() && value->size() <= kMostOutputChoices;
    for (const Json& item : right ? *value : Json::array()) {
      if (!item.is_string() || item.get_ref<const std::string&>().empty()) {
        right = false;
        break;
      }
      format.choices.push_back(item.get<std::string>());
    }
    if (!right) {
      return reader.fail_type(
          name, fmt::format("an array of 1 to {} strings that are not empty", kMostOutputChoices), *value);
    }
    set(reader, reader.path(name), std::move(format));
  }

  void response_format() {
    const Json* value = fields_.take("response_format");
    if (!value) return;
    FieldReader inner(*value, "response_format");
    std::string type;
    if (!inner.string("type", &type) && !inner.error())
      inner.fail(invalid_field("response_format.type", "'response_format.type' is missing."));
    if (type == "json_object") {
      // llama-server's way to give a schema.
      if (inner.take("schema") != nullptr) {
        schema(inner, "schema");
      } else {
        set(inner, "response_format", {.kind = Kind::kJsonObject});
      }
    } else if (type == "json_schema") {
      named_schema(inner);
    } else if (type == "regex") {
      text(inner, "pattern", Kind::kRegex);
    } else if (type == "grammar") {
      text(inner, "grammar", Kind::kGrammar);
    } else if (type != "text" && !type.empty()) {
      inner.fail(invalid_field(
          "response_format.type",
          fmt::format("'response_format.type' must be \"text\", \"json_object\" or \"json_schema\", "
                      "not {}.",
                      describe(Json(type)))));
    }
    if (auto error = inner.finish()) fields_.fail(std::move(*error));
  }

  // {"name", "description", "schema", "strict"}; a schema that is not strict is kept, too.
  void named_schema(FieldReader& outer) {
    const Json* value = outer.take("json_schema");
    if (!value) {
      return outer.fail(
          invalid_field("response_format.json_schema", "'response_format.json_schema' is missing."));
    }
    FieldReader inner(*value, "response_format.json_schema");
    std::string name;
    bool strict = false;
    inner.string("name", &name);
    inner.string("description", &name);
    inner.boolean("strict", &strict);
    if (value->is_object() && value->contains("schema")) {
      schema(inner, "schema");
    } else if (!inner.error()) {
      inner.fail(invalid_field("response_format.json_schema.schema",
                               "'response_format.json_schema.schema' is missing."));
    }
    if (auto error = inner.finish()) outer.fail(std::move(*error));
  }

  void structured_outputs() {
    const Json* value = fields_.take("structured_outputs");
    if (!value) return;
    FieldReader inner(*value, "structured_outputs");
    schema(inner, "json");
    text(inner, "regex", Kind::kRegex);
    choice(inner, "choice");
    text(inner, "grammar", Kind::kGrammar);
    bool json_object = false;
    if (inner.boolean("json_object", &json_object) && json_object)
      set(inner, "structured_outputs.json_object", {.kind = Kind::kJsonObject});
    inner.refuse("structural_tag");
    inner.refuse("whitespace_pattern");
    inner.refuse("disable_any_whitespace", {false});
    inner.refuse("disable_additional_properties", {false});
    inner.ignore({"disable_fallback", "backend"});
    if (auto error = inner.finish()) fields_.fail(std::move(*error));
  }

  FieldReader& fields_;
  OutputFormat* out_;
};

}  // namespace

void read_output_format(FieldReader& fields, OutputFormat* out) { FormatReader(fields, out).read(); }

}  // namespace pingti::wire
