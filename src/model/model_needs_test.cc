#include "model/model_needs.h"

#include <unistd.h>

#include "support/loaded_model.h"
#include "support/random_model.h"

namespace pingti {
namespace {

// What the header tells is what loading then takes.
TEST(ModelNeeds, AgreeWithTheLoadedModel) {
  const auto path =
      std::filesystem::temp_directory_path() / ("model_needs_" + std::to_string(::getpid()) + ".gguf");
  for (const char* architecture : {"llama", "qwen2", "gemma3"}) {
    ASSERT_TRUE(write_random_model({.architecture = architecture,
                                    .layers = 7,
                                    .vocab = 3000,
                                    .formats = {DType::kQ4_K, DType::kQ8_0, DType::kQ6_K}},
                                   path));
    ModelOptions options{.kernels = *select_kernels(""), .kv_type = KvType::kQ8};
    options.attention = *make_attention_policy(0, 0, "topk=4");
    const Loaded loaded = load(path, 1, options);
    ASSERT_TRUE(loaded.model);
    const auto file = gguf::File::open(path);
    const auto needs = model_needs(*file, options, 1);
    ASSERT_TRUE(needs) << needs.error().to_string();
    EXPECT_EQ(needs->config.vocab, loaded.model->config().vocab);
    ASSERT_EQ(needs->kv_groups.size(), loaded.model->kv_groups().size()) << architecture;
    for (size_t i = 0; i < needs->kv_groups.size(); ++i) {
      const KvGroup& group = loaded.model->kv_groups()[i];
      EXPECT_EQ(needs->kv_groups[i].layers, group.layers);
      EXPECT_EQ(needs->kv_groups[i].window, group.window);
      EXPECT_EQ(needs->kv_groups[i].sinks, group.sinks);
      EXPECT_EQ(needs->kv_groups[i].page_bytes, group.page_bytes);
    }
    const int64_t slack = static_cast<int64_t>(file->tensors().size()) * 4096 + (int64_t{6} << 20);
    EXPECT_GE(needs->weight_bytes, loaded.model->weight_bytes());
    EXPECT_LE(needs->weight_bytes, loaded.model->weight_bytes() + slack);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace pingti
