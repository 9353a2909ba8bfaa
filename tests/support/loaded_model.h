// A model file opened for a test, with threads of its own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "base/thread_pool.h"
#include "gguf/gguf.h"
#include "model/model.h"

namespace pingti {

struct Loaded {
  std::unique_ptr<ThreadPool> threads;
  std::unique_ptr<Model> model;  // null after a failed test
};

// options.threads is filled in.
inline Loaded load(const std::filesystem::path& path, int threads, ModelOptions options) {
  Loaded loaded{std::make_unique<ThreadPool>(threads), nullptr};
  options.threads = loaded.threads.get();
  auto file = gguf::File::open(path);
  EXPECT_TRUE(file.has_value()) << (file ? "" : file.error().to_string());
  auto model = Model::load(*file, options);
  EXPECT_TRUE(model.has_value()) << (model ? "" : model.error().to_string());
  if (model) loaded.model = *std::move(model);
  return loaded;
}

}  // namespace pingti
