#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "server/access.h"
#include "server/metrics.h"
#include "server/route.h"
#include "server/settings.h"
#include "server/web_assets.h"

namespace pingti {
namespace {

TEST(Access, SecretsCompareWhole) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abcabc", "abc"));
  EXPECT_FALSE(same_secret("ab", "abc"));
  EXPECT_FALSE(same_secret("", "abc"));
  EXPECT_FALSE(same_secret("abc", ""));
}

TEST(Access, ApiKeys) {
  ServerOptions options;
  EXPECT_FALSE(check_api_key(options, {}).has_value());
  options.api_keys = {"one", "two"};
  EXPECT_FALSE(check_api_key(options, {{"authorization", "bearer two"}}).has_value());
  EXPECT_FALSE(check_api_key(options, {{"X-API-Key", "one"}}).has_value());
  for (const net::Headers& wrong :
       {net::Headers{}, net::Headers{{"Authorization", "Bearer "}},
        net::Headers{{"Authorization", "Bearer one two"}}, net::Headers{{"Authorization", "Basic one"}}}) {
    auto error = check_api_key(options, wrong);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->status, 401);
  }
}

TEST(Access, AdminKeys) {
  ServerOptions options;
  options.api_keys = {"user"};
  EXPECT_EQ(check_admin_key(options, {{"Authorization", "Bearer user"}})->code, "no_admin_key");
  EXPECT_EQ(check_admin_key(options, {{"Authorization", "Bearer "}})->status, 403);
  options.admin_keys = {"boss"};
  EXPECT_FALSE(check_admin_key(options, {{"Authorization", "Bearer boss"}}).has_value());
  EXPECT_EQ(check_admin_key(options, {{"Authorization", "Bearer user"}})->status, 401);
  EXPECT_EQ(check_admin_key(options, {})->status, 401);
}

TEST(Access, NamesAndOrigins) {
  ServerOptions options;
  options.allowed_hosts = {"box.lan"};
  auto passes = [&](bool loopback, const net::Headers& headers) {
    return !check_origin(options, loopback, headers).has_value();
  };
  EXPECT_TRUE(passes(true, {{"Host", "127.0.0.1:80"}}));
  EXPECT_TRUE(passes(true, {{"Host", "[::1]:80"}}));
  EXPECT_TRUE(passes(true, {{"Host", "BOX.lan"}}));
  EXPECT_FALSE(passes(true, {{"Host", "evil.example"}}));
  EXPECT_FALSE(passes(true, {{"Host", "127.0.0.1.evil.example"}}));
  EXPECT_TRUE(passes(false, {{"Host", "any.example"}}));
  EXPECT_FALSE(passes(false, {{"Host", "any.example"}, {"Origin", "http://evil.example"}}));
  EXPECT_TRUE(passes(false, {{"Host", "any.example:1"}, {"Origin", "https://any.example:1"}}));
  options.api_keys = {"k"};
  EXPECT_TRUE(passes(true, {{"Host", "evil.example"}, {"Origin", "http://evil.example"}}));
}

TEST(Routes, PathsAndMethods) {
  EXPECT_STREQ(find_route("POST", "/v1/chat/completions").route->name, "chat_completions");
  EXPECT_EQ(find_route("HEAD", "/v1/models/org/name").rest, "org/name");
  EXPECT_EQ(find_route("GET", "/v1/models/").route, nullptr);
  EXPECT_EQ(find_route("GET", "/completions").allow, "POST, OPTIONS");
  EXPECT_TRUE(find_route("GET", "/nothing").allow.empty());
}

TEST(Routes, AllOfTheApiDescribeThemselves) {
  for (const Route* route : all_routes()) {
    if (std::string_view(route->name) == "page") continue;
    ASSERT_NE(route->describe, nullptr) << route->name;
    const wire::Json operation = route->describe();
    EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << route->name;
    EXPECT_EQ(operation.contains("requestBody"), std::string_view(route->method) == "POST") << route->name;
    EXPECT_TRUE(operation["responses"].contains("200")) << route->name;
  }
}

struct ScriptedEngine : Engine {
  EngineInfo what;
  EngineStats state;
  const EngineInfo& info() const override { return what; }
  const Tokenizer& tokenizer() const override { std::abort(); }
  const ChatTemplate& chat_template() const override { std::abort(); }
  Result<uint64_t> submit(GenerationRequest, std::shared_ptr<EventSink>) override { return 0; }
  void cancel(uint64_t) override {}
  EngineStats stats() const override { return state; }
  void drain(std::optional<std::chrono::milliseconds>) override {}
};

TEST(Metrics, TextBeforeAndAfterLoading) {
  Metrics metrics;
  metrics.http_request("livez", "GET", 200, 0.001);
  std::string text = metrics.text({}, {}, {});
  EXPECT_NE(text.find("pingti_http_requests_total{handler=\"livez\",method=\"GET\",status=\"200\"} 1"),
            std::string::npos);
  EXPECT_NE(text.find("pingti_model_loaded 0"), std::string::npos);
  metrics.refused("queue_full");
  metrics.refused("loading");
  metrics.model("m").first_token("S", 0.5);
  metrics.model("m").prompt(10, 4);
  metrics.model("m").choice_finished("stop");
  metrics.model("n").first_token("L", 0.5);
  ScriptedEngine m;
  m.what.max_sequences = 4;
  m.what.lanes = {{.name = "S"}, {.name = "L"}};
  m.state.running = 3;
  m.state.lanes = {{.waiting = 7}, {.backlog_tokens = 100}};
  m.state.speculation.accepted_at = {5, 1};
  ScriptedEngine n;
  n.state.running = 1;
  const std::vector<int64_t> waiting = {2, 0, 0};
  text = metrics.text({{.name = "m", .state = ModelState::kReady, .memory = 70, .engine = &m},
                       {.name = "n", .state = ModelState::kReady, .engine = &n},
                       {.name = "o", .state = ModelState::kFailed}},
                      waiting, {.budget = 100, .used = 80});
  for (const char* line :
       {"vllm:num_requests_running{model_name=\"m\"} 3",
        "vllm:num_requests_running{model_name=\"n\"} 1",
        "pingti_requests_waiting{model_name=\"m\"} 2",
        "vllm:prefix_cache_hits_total{model_name=\"m\"} 4",
        "pingti_time_to_first_token_seconds_count{model_name=\"m\"} 1",
        "pingti_lane_time_to_first_token_seconds_count{lane=\"S\",model_name=\"m\"} 1",
        "pingti_lane_requests_waiting{lane=\"S\",model_name=\"m\"} 7",
        "pingti_lane_backlog_tokens{lane=\"L\",model_name=\"m\"} 100",
        "pingti_capacity_left_ratio{model_name=\"m\"} 0.25",
        "vllm:admission_rejections_total{reason=\"queue_full\"} 1",
        "vllm:request_success_total{finished_reason=\"stop\",model_name=\"m\"} 1",
        "vllm:time_to_first_token_seconds_count{model_name=\"n\"} 1",
        "vllm:request_success_total{finished_reason=\"stop\",model_name=\"m\"} 1",
        "vllm:spec_decode_num_accepted_tokens_per_pos_total{model_name=\"m\",position=\"0\"} 5",
        "pingti_model_state{model_name=\"o\",state=\"failed\"} 1",
        "pingti_model_state{model_name=\"o\",state=\"loaded\"} 0",
        "pingti_model_loaded 2",
        "pingti_model_memory_bytes{model_name=\"m\"} 70",
        "pingti_memory_budget_bytes 100",
        "pingti_memory_used_bytes 80"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  // A family is announced once, whatever the number of models.
  const size_t first = text.find("# TYPE vllm:num_requests_running gauge");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("# TYPE vllm:num_requests_running gauge", first + 1), std::string::npos);
}

TEST(WebAssets, AreEmbedded) {
  for (const WebAsset& asset : web_assets()) {
    EXPECT_GT(asset.bytes.size(), 100u) << asset.path;
    EXPECT_FALSE(asset.type.empty()) << asset.path;
  }
  EXPECT_EQ(web_assets()[0].path, "/");
  EXPECT_TRUE(web_assets()[0].bytes.starts_with("<!doctype html>"));
}

struct SettingsTest : testing::Test {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;
  double seconds = 1.5;
  bool insecure = false;
  std::vector<std::string> keys;
  Settings settings{{{.name = "host", .target = &host},
                     {.name = "max-port", .target = &port, .max = 65535},
                     {.name = "seconds", .target = &seconds},
                     {.name = "insecure", .target = &insecure},
                     {.name = "api-key", .target = &keys, .secret = true}}};
  std::map<std::string, std::string> environment;
  std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("settings_test_" + std::to_string(::getpid()));

  Result<void> resolve(const std::map<std::string, std::vector<std::string>>& flags,
                       const std::string& yaml = "") {
    EXPECT_TRUE(write_file_atomically(file, yaml).has_value());
    auto getenv = [&](const char* name) -> const char* {
      auto found = environment.find(name);
      return found == environment.end() ? nullptr : found->second.c_str();
    };
    return settings.resolve(flags, getenv, file);
  }
  ~SettingsTest() override { std::filesystem::remove(file); }
};

TEST_F(SettingsTest, FlagsWinOverEnvironmentOverFile) {
  environment = {{"PINGTI_HOST", "env"}, {"PINGTI_API_KEY", "a,b"}, {"PINGTI_MAX_PORT", "2"}};
  ASSERT_TRUE(
      resolve({{"max-port", {"1"}}}, "host: file\nmax-port: 3\nseconds: 2.5\ninsecure: yes\n").has_value());
  EXPECT_EQ(host, "env");
  EXPECT_EQ(port, 1);
  EXPECT_EQ(seconds, 2.5);
  EXPECT_TRUE(insecure);
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
  std::string text = settings.describe();
  EXPECT_NE(text.find("host: env  # PINGTI_HOST"), std::string::npos) << text;
  EXPECT_NE(text.find("max-port: 1  # --max-port"), std::string::npos) << text;
  EXPECT_NE(text.find("seconds: 2.5  # " + file.string()), std::string::npos) << text;
  EXPECT_NE(text.find("api-key: ***"), std::string::npos) << text;
}

TEST_F(SettingsTest, TablesComeFromTheFile) {
  SettingTable models;
  settings = Settings({{.name = "models", .target = &models}, {.name = "host", .target = &host}});
  environment = {{"PINGTI_MODELS", "x"}};
  ASSERT_TRUE(resolve({}, "models:\n- {name: a, alias: [x, y], ctx: 4096}\n- name: b\n"));
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].at("alias"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(models[1].at("name"), std::vector<std::string>{"b"});
  EXPECT_NE(settings.describe().find("models: [{alias: [x, y], ctx: 4096, name: a}, {name: b}]"),
            std::string::npos);
  EXPECT_EQ(resolve({}, "models: [a, b]\n").error().code, "settings.value");
  EXPECT_EQ(resolve({}, "models: [{name: {a: b}}]\n").error().code, "settings.file");
  EXPECT_EQ(resolve({}, "host: [{a: b}]\n").error().code, "settings.value");
  EXPECT_TRUE(settings.apply({{"host", {"h"}}}, "here"));
  EXPECT_EQ(host, "h");
  EXPECT_EQ(settings.apply({{"prot", {"h"}}}, "here").error().code, "settings.unknown");
}

TEST_F(SettingsTest, ErrorsNameTheSource) {
  environment = {{"PINGTI_MAX_PORT", "70000"}};
  EXPECT_EQ(resolve({}).error().message,
            "PINGTI_MAX_PORT: 'max-port' must be a whole number from 0 to 65535, not \"70000\"");
  environment.clear();
  EXPECT_EQ(resolve({{"insecure", {"maybe"}}}).error().code, "settings.value");
  EXPECT_EQ(resolve({}, "prot: 1\n").error().code, "settings.unknown");
  EXPECT_EQ(resolve({}, "- a\n").error().code, "settings.file");
  EXPECT_EQ(resolve({}, "host: {a: b}\n").error().code, "settings.file");
  EXPECT_EQ(resolve({}, "host: [a, b]\n").error().code, "settings.value");
  EXPECT_EQ(resolve({}, "\"\n").error().code, "settings.file");
  EXPECT_TRUE(resolve({}, "api-key: [x, y]\n").has_value());
  EXPECT_EQ(keys.size(), 2u);
}

}  // namespace
}  // namespace pingti
