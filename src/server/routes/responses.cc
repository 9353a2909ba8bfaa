#include <fmt/format.h>

#include <charconv>

#include "server/access.h"
#include "server/api_description.h"
#include "server/chat_plan.h"
#include "server/response_store.h"
#include "server/routes/generate.h"
#include "wire/responses_answer.h"
#include "wire/responses_request.h"

namespace pingti {
namespace {

using wire::Json;

constexpr std::string_view kInputItems = "/input_items";

class ResponsesWriter final : public AnswerWriter {
 public:
  ResponsesWriter(wire::ResponsesAnswer answer, std::function<void(const Json&)> keep)
      : answer_(std::move(answer)), keep_(std::move(keep)) {}

  Json whole(const std::vector<wire::ChoicePart>& choices, const wire::Usage& usage) override {
    Json response = answer_.whole(choices[0], usage);
    keep_(response);
    return response;
  }
  std::string begin() override { return answer_.begin(); }
  std::string part(const wire::ChoicePart& part, bool, const wire::Usage&) override {
    return answer_.part(part);
  }
  std::string end(const wire::Usage& usage) override {
    std::string events = answer_.end(usage);
    keep_(answer_.response());
    return events;
  }
  std::string error(const wire::ApiError& error) override { return answer_.error(error); }

 private:
  wire::ResponsesAnswer answer_;
  std::function<void(const Json&)> keep_;
};

wire::ApiError not_stored(const std::string& id, const char* param) {
  return {.status = 404,
          .message = fmt::format("Response '{}' is not stored here.", id.substr(0, 100)),
          .param = param,
          .code = "response_not_found"};
}

std::string owner_of(const Call& call) { return std::string(given_api_key(call.request.headers)); }

// Items of all turns, oldest first.
Json conversation(const ResponseTurn* last, const Json& own) {
  std::vector<const ResponseTurn*> turns;
  for (const ResponseTurn* turn = last; turn != nullptr; turn = turn->before.get()) turns.push_back(turn);
  Json items = Json::array();
  const auto add = [&items](const Json& more) {
    for (const Json& item : more) items.push_back(item);
  };
  for (size_t i = turns.size(); i-- > 0;) {
    add(Json::parse(turns[i]->input));
    add(Json::parse(turns[i]->output));
  }
  add(own);
  return items;
}

Json with_ids(Json items) {
  for (Json& item : items) {
    const std::string& type = item["type"].get_ref<const std::string&>();
    item["id"] = random_id(type == "message" ? "msg_" : type == "reasoning" ? "rs_" : "fc_");
    item["status"] = "completed";
  }
  return items;
}

void create(Call call) {
  auto request = wire::parse_responses_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  const std::string owner = owner_of(call);
  std::shared_ptr<const ResponseTurn> before;
  if (const std::string& id = request->previous_response_id; !id.empty()) {
    auto stored = call.context->responses.get(owner, id);
    if (!stored) return call.reply->error(not_stored(id, "previous_response_id"));
    before = stored->turn;
  }
  auto chat = wire::responses_chat(*request, conversation(before.get(), request->items));
  if (!chat) return call.reply->error(chat.error());
  auto plan = plan_chat(call, *chat);
  if (!plan) return;

  Json fields = request->echo;
  fields["store"] = request->store;
  fields["previous_response_id"] =
      request->previous_response_id.empty() ? Json(nullptr) : Json(request->previous_response_id);
  wire::AnswerHead head = answer_head(plan->model, "resp_");
  auto keep = [context = call.context, owner, id = head.id, before, input = with_ids(request->items),
               store = request->store](const Json& response) {
    if (!store) return;
    auto turn =
        std::make_shared<ResponseTurn>(before, wire::to_text(input), wire::to_text(response["output"]));
    context->responses.put(owner, id, {wire::to_text(response), std::move(turn)});
  };
  plan->answer.writer = std::make_unique<ResponsesWriter>(
      wire::ResponsesAnswer(std::move(head), std::move(fields),
                            [](std::string_view prefix) { return random_id(prefix); }),
      std::move(keep));
  Answer::run(call.context, std::move(plan->model), call.reply, std::move(plan->answer));
}

// "?limit=2&order=asc": the value as sent; ids and numbers need no decoding.
std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return pair.substr(name.size() + 1);
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

void list_input(const Call& call, const StoredResponse& stored) {
  const std::string_view query = call.request.query;
  size_t limit = 20;
  if (const std::string_view text = query_value(query, "limit"); !text.empty()) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (code != std::errc() || end != text.data() + text.size() || limit < 1 || limit > 100)
      return call.reply->error(wire::invalid_field("limit", "'limit' must be an integer from 1 to 100."));
  }
  const std::string_view order = query_value(query, "order");
  if (!order.empty() && order != "asc" && order != "desc")
    return call.reply->error(wire::invalid_field("order", "'order' must be \"asc\" or \"desc\"."));
  std::vector<Json> items = Json::parse(stored.turn->input).get<std::vector<Json>>();
  if (order != "asc") std::ranges::reverse(items);
  auto begin = items.begin();
  if (const std::string_view after = query_value(query, "after"); !after.empty()) {
    begin = std::ranges::find_if(items, [&](const Json& item) { return item["id"] == after; });
    if (begin == items.end())
      return call.reply->error(wire::invalid_field("after", "'after' names no item of this list."));
    ++begin;
  }
  const auto left = static_cast<size_t>(items.end() - begin);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(limit, left));
  const bool some = begin != end;
  call.reply->json(200, {{"object", "list"},
                         {"data", std::vector<Json>(begin, end)},
                         {"first_id", some ? (*begin)["id"] : Json(nullptr)},
                         {"last_id", some ? (*(end - 1))["id"] : Json(nullptr)},
                         {"has_more", end != items.end()}});
}

void get(Call call) {
  const bool list = call.rest.ends_with(kInputItems);
  const std::string id = list ? call.rest.substr(0, call.rest.size() - kInputItems.size()) : call.rest;
  const auto stored = call.context->responses.get(owner_of(call), id);
  if (!stored) return call.reply->error(not_stored(id, "response_id"));
  if (list) return list_input(call, *stored);
  if (query_value(call.request.query, "stream") == "true") {
    return call.reply->error(wire::unsupported_field(
        "stream", "Streaming a stored response again is not supported by this server."));
  }
  call.reply->send(200, "application/json", stored->response);
}

void erase(Call call) {
  if (!call.context->responses.erase(owner_of(call), call.rest))
    return call.reply->error(not_stored(call.rest, "response_id"));
  call.reply->json(200, {{"id", call.rest}, {"object", "response"}, {"deleted", true}});
}

Json describe_create() {
  return post_operation("An answer, kept to be continued.", wire::responses_request_schema(),
                        "A response, or server-sent events with its pieces.");
}
Json describe_get() {
  return get_operation("A stored response; with /input_items behind the id, what it answered.",
                       "A response.");
}
Json describe_delete() { return get_operation("Forgets a stored response.", "That it is forgotten."); }

}  // namespace

extern const Route kResponsesRoute;
const Route kResponsesRoute{"responses", "POST",         {"/v1/responses", "/responses"}, false, false,
                            create,      describe_create};
extern const Route kResponseRoute;
const Route kResponseRoute{"response", "GET",       {"/v1/responses/*", "/responses/*"}, false, false,
                           get,        describe_get};
extern const Route kDeleteResponseRoute;
const Route kDeleteResponseRoute{
    "delete_response", "DELETE", {"/v1/responses/*", "/responses/*"}, false, false, erase, describe_delete};

}  // namespace pingti
