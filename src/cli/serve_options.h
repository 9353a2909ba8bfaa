// Settings of `pingti serve`, and the models they name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "server/server.h"
#include "server/settings.h"
#include "serving/model_loader.h"

namespace pingti {

struct ServeOptions {
  ServerOptions server;
  // Of every model that does not say otherwise.
  EngineOptions engine;
  std::string activations = "int8";
  std::string draft_model;
  double idle_unload = 0;  // seconds

  std::vector<std::string> models;   // files or names, loaded at start
  SettingTable model_table;          // models with settings of their own
  std::string models_dir;            // whose files are served too
  std::vector<std::string> aliases;  // NAME of the only model, or NAME=MODEL
  std::string memory_budget = "auto";
  double load_wait = 300;  // seconds
  std::string api_key_file;
  bool access_log = false;
  std::string cache_isolation = "auto";
  double kv_disk_gib = 10;
};

std::vector<Setting> serve_settings(ServeOptions* options);

// The models that the settings name, in that order: --model, the file's `models`, --models-dir. Where none is
// named, the default model. Errors: "settings.value", "settings.unknown", "serve.models_dir".
Result<std::vector<ModelSpec>> served_models(const ServeOptions& options);

// Bytes of the whole process. "auto": what it has and nine tenths of what it could still get, or 0, no
// budget, for a single model, which bounds itself. Numbers may end in K, M, G or T (powers of 1024).
// "settings.value".
Result<int64_t> memory_budget(const std::string& text, size_t models);

}  // namespace pingti
