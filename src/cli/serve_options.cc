#include "cli/serve_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/machine.h"
#include "cli/engine_options.h"
#include "gguf/gguf.h"

namespace pingti {
namespace {

namespace fs = std::filesystem;

std::vector<Setting> engine_settings(EngineOptions* o, std::string* activations, std::string* draft_model) {
  return {
      {.name = "threads", .target = &o->threads, .help = "threads; 0: all CPUs granted", .max = 1024},
      {.name = "ctx", .target = &o->context, .help = "most tokens of prompt and answer; 0: what fits"},
      {.name = "isa",
       .target = &o->isa,
       .help = "kernels, as the log names them (avx2, neondot, reference ...); empty: the best"},
      {.name = "kv-type",
       .target = &o->kv_type,
       .help = "how the KV cache stores numbers: f32, f16, bf16, q16, q8 or q4"},
      {.name = "attention-window",
       .target = &o->attention_window,
       .help = "tokens a query sees, over a model trained to see all; 0: as trained",
       .max = 1 << 24},
      {.name = "sinks",
       .target = &o->attention_sinks,
       .help = "first tokens that stay visible beside the attention window",
       .max = 1 << 24},
      {.name = "sparse-attention",
       .target = &o->sparse_attention,
       .help = "topk=PAGES or topp=SHARE, with sub-options: each query reads the KV pages it is estimated to "
               "need; empty: off"},
      {.name = "activations", .target = activations, .help = "int8, or f32 (slow, for comparisons)"},
      {.name = "max-sequences",
       .target = &o->max_sequences,
       .help = "most answers computed in one batch",
       .min = 1,
       .max = 4096},
      {.name = "prefill-chunk",
       .target = &o->prefill_chunk,
       .help = "most prompt tokens per step",
       .min = 1,
       .max = 65536},
      {.name = "kv-disk",
       .target = &o->kv_disk,
       .help =
           "folder of computed prefixes that outlive the process (it holds what people wrote); empty: none"},
      {.name = "cache-keys",
       .target = &o->cache_keys,
       .help = "most conversations (cache_key) that keep their KV pages; 0: none",
       .max = 1e6},
      {.name = "cache-key-tokens",
       .target = &o->cache_key_tokens,
       .help = "most tokens each of them keeps; 0: as many as the share allows",
       .max = 1e9},
      {.name = "cache-key-share",
       .target = &o->cache_key_share,
       .help = "share of the KV memory they may keep together, 0 to 1",
       .max = 1},
      {.name = "cache-key-seconds",
       .target = &o->cache_key_seconds,
       .help = "after its last use a conversation keeps nothing",
       .max = 1e9},
      {.name = "speculate",
       .target = &o->speculate,
       .help = "how tokens are guessed ahead: ngram (from the text so far), draft (by draft-model), auto "
               "(both) or off; changes no answer"},
      {.name = "draft-model",
       .target = draft_model,
       .help = "a smaller model of the same vocabulary that guesses tokens; file or name"},
      {.name = "draft-max",
       .target = &o->draft_max,
       .help = "most tokens guessed at a time",
       .min = 1,
       .max = 64},
      {.name = "draft-min", .target = &o->draft_min, .help = "shorter guesses are not used", .max = 64},
      {.name = "lanes",
       .target = &o->lanes,
       .help = "on: requests are sorted by expected size (S, M, L), so that small ones need not wait behind "
               "large ones; off: one line for all"},
      {.name = "lane-limits",
       .target = &o->lane_limits,
       .help = "most tokens, prompt and expected answer together, of lane S and of lane M"},
      {.name = "lane-shares",
       .target = &o->lane_shares,
       .help = "shares of S, M and L in each step's prompt tokens; what a lane leaves goes to the others"},
      {.name = "lane-queues",
       .target = &o->lane_queues,
       .help = "most answers waiting in S, M and L; further requests get 503"},
      {.name = "lane-ageing",
       .target = &o->lane_ageing,
       .help = "seconds after which a waiting request is passed by no later one",
       .min = 0.001,
       .max = 1e6},
      {.name = "swap-space",
       .target = &o->swap_space,
       .help = "GiB of memory, beside the KV cache, for what answers put back to make room had computed; 0: "
               "they compute it again",
       .max = 1e6},
  };
}

void append(std::vector<Setting>* to, std::vector<Setting> settings) {
  std::ranges::move(settings, std::back_inserter(*to));
}

Result<void> set_activations(ModelSpec* spec, const std::string& activations) {
  if (activations != "int8" && activations != "f32") {
    return fail(ErrorKind::kInvalid, "settings.value",
                fmt::format("activations must be int8 or f32, not \"{}\"", activations));
  }
  spec->engine.activations_f32 = activations == "f32";
  return {};
}

Result<ModelSpec> base_spec(const ServeOptions& options) {
  ModelSpec spec{
      .draft_model = options.draft_model, .engine = options.engine, .idle_seconds = options.idle_unload};
  PT_TRY_VOID(set_activations(&spec, options.activations));
  return spec;
}

bool looks_like_path(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".gguf");
}

// The file's stem and the name it was asked for by; what is not on this machine keeps that name.
void name_by_file(const std::string& model, ModelSpec* spec) {
  spec->model = model;
  const auto path = find_model(model);
  spec->name = path ? fs::path(*path).stem().string() : model;
  if (!model.empty() && !looks_like_path(model) && model != spec->name) spec->aliases.push_back(model);
}

Result<ModelSpec> spec_of_row(const ServeOptions& options, size_t index) {
  PT_TRY(ModelSpec spec, base_spec(options));
  std::string activations = options.activations;
  std::string path;
  std::vector<Setting> settings = {
      {.name = "name", .target = &spec.name},       {.name = "path", .target = &path},
      {.name = "aliases", .target = &spec.aliases}, {.name = "pinned", .target = &spec.pinned},
      {.name = "preload", .target = &spec.preload}, {.name = "idle-unload", .target = &spec.idle_seconds}};
  append(&settings, engine_settings(&spec.engine, &activations, &spec.draft_model));
  const std::string source = fmt::format("models[{}]", index);
  PT_TRY_VOID(Settings(std::move(settings)).apply(options.model_table[index], source));
  PT_TRY_VOID(set_activations(&spec, activations));
  if (path.empty()) {
    return fail(ErrorKind::kInvalid, "settings.value", fmt::format("{}: 'path' is missing", source),
                "path: a model file, or the name of a pulled model");
  }
  if (!spec.name.empty()) {
    spec.model = path;
  } else {
    name_by_file(path, &spec);
  }
  return spec;
}

// A file of its own: not a further part of a split model, nor the image half of one.
bool is_model_file(const fs::path& path) {
  const std::string name = path.filename().string();
  if (path.extension() != ".gguf" || name.starts_with("mmproj") || name.starts_with('.')) return false;
  const size_t of = name.rfind("-of-");
  return of == std::string::npos || of < 5 || name.substr(of - 5, 5) == "00001" ||
         name.find_first_not_of("0123456789", of - 5) != of;
}

Result<std::vector<fs::path>> files_of(const std::string& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end; it.increment(error)) {
    if (it.depth() > 4) it.disable_recursion_pending();
    std::error_code ignored;
    if (is_model_file(it->path()) && it->is_regular_file(ignored)) files.push_back(it->path());
  }
  if (error) {
    return fail(ErrorKind::kIo, "serve.models_dir",
                fmt::format("the models folder {} cannot be read: {}", folder, error.message()));
  }
  std::ranges::sort(files);
  return files;
}

// Models whose name or file is taken are left out.
Result<void> add_folder(const ServeOptions& options, std::vector<ModelSpec>* specs) {
  if (options.models_dir.empty()) return {};
  PT_TRY(const auto files, files_of(options.models_dir));
  std::set<std::string> taken;
  std::set<fs::path> served;
  for (const ModelSpec& spec : *specs) {
    taken.insert(spec.name);
    taken.insert(spec.aliases.begin(), spec.aliases.end());
    std::error_code ignored;
    if (const auto path = find_model(spec.model)) served.insert(fs::weakly_canonical(*path, ignored));
  }
  for (const fs::path& file : files) {
    std::error_code ignored;
    if (!served.insert(fs::weakly_canonical(file, ignored)).second) continue;
    if (!taken.insert(file.stem().string()).second) continue;
    PT_TRY(ModelSpec spec, base_spec(options));
    spec.name = file.stem().string();
    spec.model = file.string();
    specs->push_back(std::move(spec));
  }
  return {};
}

Result<void> add_aliases(const std::vector<std::string>& aliases, std::vector<ModelSpec>* specs) {
  const bool plain = std::ranges::any_of(aliases, [](const auto& alias) { return !alias.contains('='); });
  if (plain && specs->size() > 1) {
    return fail(ErrorKind::kInvalid, "settings.value", "with several models an alias must say whose it is",
                "--alias NAME=MODEL");
  }
  if (plain) {
    specs->front().name.clear();  // the names given are all it answers to
    specs->front().aliases.clear();
  }
  for (const std::string& alias : aliases) {
    const size_t equals = alias.find('=');
    const std::string name = alias.substr(0, equals);
    if (equals == std::string::npos) {
      ModelSpec& only = specs->front();
      if (only.name.empty()) {
        only.name = name;
      } else {
        only.aliases.push_back(name);
      }
      continue;
    }
    const std::string model = alias.substr(equals + 1);
    const auto found = std::ranges::find_if(*specs, [&](const ModelSpec& spec) {
      return spec.name == model || spec.model == model ||
             std::ranges::find(spec.aliases, model) != spec.aliases.end();
    });
    if (found == specs->end()) {
      return fail(ErrorKind::kInvalid, "settings.value",
                  fmt::format("alias {}: no model is called \"{}\"", alias, model));
    }
    found->aliases.push_back(name);
  }
  return {};
}

// A model served alone answers to the name its file states, too.
void add_own_name(ModelSpec* spec) {
  const auto path = find_model(spec->model);
  if (!path) return;
  const auto file = gguf::File::open(*path);
  if (!file) return;
  const auto name = file->get_or<std::string>("general.name", "");
  if (!name || name->empty() || looks_like_path(*name) || *name == spec->name) return;
  if (std::ranges::find(spec->aliases, *name) == spec->aliases.end())
    spec->aliases.insert(spec->aliases.begin(), *name);
}

}  // namespace

std::vector<Setting> serve_settings(ServeOptions* o) {
  std::vector<Setting> settings = {
      {.name = "model",
       .target = &o->models,
       .help = "model file, or the name of a pulled model, loaded at start (repeatable)"},
      {.name = "alias",
       .target = &o->aliases,
       .help =
           "further name of a model: NAME=MODEL; with one model NAME, which replaces its own (repeatable)"},
      {.name = "host", .target = &o->server.host, .help = "address to listen on"},
      {.name = "port", .target = &o->server.port, .help = "port; 0: any free one", .max = 65535},
  };
  append(&settings, engine_settings(&o->engine, &o->activations, &o->draft_model));
  append(
      &settings,
      {
          {.name = "max-queue",
           .target = &o->server.max_queue,
           .help = "most answers waiting for the batch; further requests get 503",
           .min = 1,
           .max = 1e6},
          {.name = "max-wait-seconds",
           .target = &o->server.max_wait_seconds,
           .help = "requests whose first token is predicted to take longer get 503; 0: all are taken",
           .max = 1e6},
          {.name = "kv-disk-size",
           .target = &o->kv_disk_gib,
           .help = "most GiB in that folder",
           .min = 0.001,
           .max = 1e6},
          {.name = "cache-isolation",
           .target = &o->cache_isolation,
           .help =
               "whether each API key has computed prefixes of its own: on, off, or auto (with several keys)"},
          {.name = "api-key",
           .target = &o->server.api_keys,
           .help = "accepted API key (repeatable)",
           .secret = true},
          {.name = "api-key-file", .target = &o->api_key_file, .help = "file with one API key a line"},
          {.name = "insecure",
           .target = &o->server.insecure,
           .help = "listen beyond this machine without an API key"},
          {.name = "allowed-host",
           .target = &o->server.allowed_hosts,
           .help = "further name this server may be called by (repeatable)"},
          {.name = "tool-format",
           .target = &o->server.output.tool_format,
           .help = "how the model writes tool calls: auto (by its chat template), hermes, llama3, mistral, "
                   "mistral-v11, deepseek, deepseek-v3.1 or generic"},
          {.name = "reasoning",
           .target = &o->server.output.reasoning,
           .help = "auto: thinking is told apart from the answer; off: it is part of it"},
          {.name = "deepseek-rules",
           .target = &o->server.output.deepseek_rules,
           .help = "the rules of DeepSeek's R1 API: no reasoning_content in messages, no logprobs, fixed "
                   "sampling"},
          {.name = "access-log", .target = &o->access_log, .help = "print a line for every request"},
          {.name = "stall-seconds",
           .target = &o->server.stall_seconds,
           .help = "/livez fails when an engine has not stepped for so long",
           .min = 1},
          {.name = "drain-seconds",
           .target = &o->server.drain_seconds,
           .help = "at shutdown, answers that take longer are cut; 0: all are waited for",
           .max = 1e6},
          {.name = "models-dir",
           .target = &o->models_dir,
           .help = "folder whose model files are served too, loaded on demand"},
          {.name = "models", .target = &o->model_table, .help = "models with settings of their own"},
          {.name = "memory-budget",
           .target = &o->memory_budget,
           .help = "most memory of the process, bytes or with K, M, G, T; auto: nine tenths of what is free "
                   "(a single model bounds itself)"},
          {.name = "idle-unload",
           .target = &o->idle_unload,
           .help = "seconds after which an unused model is unloaded; 0: only to make room",
           .max = 1e9},
          {.name = "load-wait",
           .target = &o->load_wait,
           .help = "seconds a request waits for its model to be loaded, then 503",
           .min = 1,
           .max = 1e6},
          {.name = "admin-key",
           .target = &o->server.admin_keys,
           .help = "key for loading and unloading models over HTTP; none: nobody may (repeatable)",
           .secret = true},
      });
  return settings;
}

Result<std::vector<ModelSpec>> served_models(const ServeOptions& options) {
  std::vector<ModelSpec> specs;
  std::vector<std::string> models = options.models;
  if (models.empty() && options.model_table.empty() && options.models_dir.empty()) models.emplace_back();
  for (const std::string& model : models) {
    PT_TRY(ModelSpec spec, base_spec(options));
    name_by_file(model, &spec);
    if (model.empty()) spec.name = spec.name.empty() ? "default" : spec.name;
    spec.preload = true;
    specs.push_back(std::move(spec));
  }
  for (size_t i = 0; i < options.model_table.size(); ++i) {
    PT_TRY(ModelSpec spec, spec_of_row(options, i));
    specs.push_back(std::move(spec));
  }
  PT_TRY_VOID(add_folder(options, &specs));
  if (specs.empty()) {
    return fail(ErrorKind::kNotFound, "serve.models_dir",
                fmt::format("the folder {} holds no model file", options.models_dir));
  }
  const bool named =
      std::ranges::any_of(options.aliases, [](const auto& alias) { return !alias.contains('='); });
  PT_TRY_VOID(add_aliases(options.aliases, &specs));
  if (specs.size() == 1 && !named && options.model_table.empty()) add_own_name(&specs.front());
  return specs;
}

Result<int64_t> memory_budget(const std::string& text, size_t models) {
  if (text == "auto") {
    if (models == 1) return 0;
    return static_cast<int64_t>(resident_memory() + available_memory() / 10 * 9);
  }
  constexpr std::string_view kUnits = "KMGT";
  char* end = nullptr;
  double bytes = std::strtod(text.c_str(), &end);
  const size_t unit = *end == '\0' ? std::string_view::npos : kUnits.find(static_cast<char>(*end & ~0x20));
  if (unit != std::string_view::npos) {
    bytes *= std::pow(1024.0, static_cast<double>(unit + 1));
    ++end;
  }
  if (text.empty() || *end != '\0' || !(bytes >= 1 << 20) || bytes > 1e18) {
    return fail(ErrorKind::kInvalid, "settings.value",
                fmt::format("memory-budget must be auto or at least 1M, not \"{}\"", text));
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace pingti
