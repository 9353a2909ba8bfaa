#include "wire/responses_answer.h"

#include <ctime>

namespace pingti::wire {
namespace {

Json usage_of(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

Json logprobs_of(const ChoicePart& part) {
  return part.logprobs ? chat_scores(*part.logprobs) : Json::array();
}

}  // namespace

std::string ResponsesAnswer::event(const char* type, Json fields) {
  Json body = {{"type", type}, {"sequence_number", sequence_++}};
  body.update(fields);
  return sse_event(type, body);
}

Json ResponsesAnswer::state(const char* status) const {
  Json response = {{"id", head_.id},
                   {"object", "response"},
                   {"created_at", head_.created},
                   {"status", status},
                   {"background", false},
                   {"completed_at", nullptr},
                   {"error", nullptr},
                   {"incomplete_details", nullptr},
                   {"model", head_.model},
                   {"output", output_},
                   {"usage", nullptr},
                   {"user", nullptr},
                   {"truncation", "disabled"}};
  response.update(fields_);
  return response;
}

std::string ResponsesAnswer::begin() {
  std::string events = event("response.created", {{"response", state("in_progress")}});
  return events + event("response.in_progress", {{"response", state("in_progress")}});
}

// The one part of an item that has parts.
Json ResponsesAnswer::content_of(const Json& item) const { return item["content"][0]; }

std::string ResponsesAnswer::open(Kind kind, Json item) {
  std::string events = close("completed");
  kind_ = kind;
  Json shown = item;
  if (kind != Kind::kCall) shown["content"] = Json::array();
  output_.push_back(std::move(item));
  const auto index = output_.size() - 1;
  events += event("response.output_item.added", {{"output_index", index}, {"item", std::move(shown)}});
  if (kind == Kind::kCall) return events;
  return events + event("response.content_part.added", {{"item_id", output_.back()["id"]},
                                                        {"output_index", index},
                                                        {"content_index", 0},
                                                        {"part", content_of(output_.back())}});
}

std::string ResponsesAnswer::close(const char* status) {
  if (kind_ == Kind::kNone) return {};
  Json& item = output_.back();
  item["status"] = status;
  Json place = {{"item_id", item["id"]}, {"output_index", output_.size() - 1}};
  std::string events;
  if (kind_ == Kind::kCall) {
    Json done = place;
    done["name"] = item["name"];
    done["arguments"] = item["arguments"];
    events = event("response.function_call_arguments.done", std::move(done));
  } else {
    place["content_index"] = 0;
    Json done = place;
    done["text"] = content_of(item)["text"];
    if (kind_ == Kind::kMessage) done["logprobs"] = content_of(item)["logprobs"];
    events = event(kind_ == Kind::kMessage ? "response.output_text.done" : "response.reasoning_text.done",
                   std::move(done));
    place["part"] = content_of(item);
    events += event("response.content_part.done", std::move(place));
  }
  events += event("response.output_item.done", {{"output_index", output_.size() - 1}, {"item", item}});
  kind_ = Kind::kNone;
  return events;
}

std::string ResponsesAnswer::text_delta(const char* type, const std::string& text, Json logprobs) {
  Json& item = output_.back();
  Json& content = item["content"][0];
  content["text"].get_ref<std::string&>() += text;
  Json fields = {
      {"item_id", item["id"]}, {"output_index", output_.size() - 1}, {"content_index", 0}, {"delta", text}};
  if (kind_ == Kind::kMessage) {
    for (const Json& token : logprobs) content["logprobs"].push_back(token);
    fields["logprobs"] = std::move(logprobs);
  }
  return event(type, std::move(fields));
}

std::string ResponsesAnswer::add(const ChoicePart& part) {
  std::string events;
  if (!part.reasoning.empty()) {
    if (kind_ != Kind::kReasoning) {
      events += open(Kind::kReasoning,
                     {{"id", new_id_("rs_")},
                      {"type", "reasoning"},
                      {"status", "in_progress"},
                      {"summary", Json::array()},
                      {"content", Json::array({Json{{"type", "reasoning_text"}, {"text", ""}}})}});
    }
    events += text_delta("response.reasoning_text.delta", part.reasoning, nullptr);
  }
  if (!part.text.empty() || (part.logprobs && !part.logprobs->empty())) {
    if (kind_ != Kind::kMessage) {
      events += open(Kind::kMessage, {{"id", new_id_("msg_")},
                                      {"type", "message"},
                                      {"status", "in_progress"},
                                      {"role", "assistant"},
                                      {"content", Json::array({Json{{"type", "output_text"},
                                                                    {"text", ""},
                                                                    {"annotations", Json::array()},
                                                                    {"logprobs", Json::array()}}})}});
    }
    events += text_delta("response.output_text.delta", part.text, logprobs_of(part));
  }
  for (const ToolCallPart& call : part.tool_calls) {
    if (kind_ != Kind::kCall || call_ != call.index) {
      call_ = call.index;
      events += open(Kind::kCall, {{"id", new_id_("fc_")},
                                   {"type", "function_call"},
                                   {"status", "in_progress"},
                                   {"call_id", call.id},
                                   {"name", call.name},
                                   {"arguments", ""}});
    }
    if (call.arguments.empty()) continue;
    output_.back()["arguments"].get_ref<std::string&>() += call.arguments;
    events += event(
        "response.function_call_arguments.delta",
        {{"item_id", output_.back()["id"]}, {"output_index", output_.size() - 1}, {"delta", call.arguments}});
  }
  return events;
}

Json ResponsesAnswer::finished(const ChoicePart& last, const Usage& usage) {
  const bool cut = last.finish_reason == "length";
  Json response = state(cut ? "incomplete" : "completed");
  if (cut) {
    response["incomplete_details"] = {{"reason", "max_output_tokens"}};
  } else {
    response["completed_at"] = std::time(nullptr);
  }
  response["usage"] = usage_of(usage);
  response_ = response;
  return response;
}

Json ResponsesAnswer::whole(const ChoicePart& choice, const Usage& usage) {
  add(choice);
  close(choice.finish_reason == "length" ? "incomplete" : "completed");
  return finished(choice, usage);
}

std::string ResponsesAnswer::part(const ChoicePart& part) {
  if (!part.finish_reason.empty()) last_ = part;
  return add(part);
}

std::string ResponsesAnswer::end(const Usage& usage) {
  const bool cut = last_.finish_reason == "length";
  std::string events = close(cut ? "incomplete" : "completed");
  return events +
         event(cut ? "response.incomplete" : "response.completed", {{"response", finished(last_, usage)}});
}

std::string ResponsesAnswer::error(const ApiError& error) {
  const Json inner = error_body(error)["error"];
  std::string events =
      event("error", {{"code", inner["code"]}, {"message", inner["message"]}, {"param", inner["param"]}});
  Json response = state("failed");
  response["error"] = {{"code", "server_error"}, {"message", inner["message"]}};
  return events + event("response.failed", {{"response", std::move(response)}});
}

}  // namespace pingti::wire
