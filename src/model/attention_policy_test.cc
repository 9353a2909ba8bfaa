#include "model/attention_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pingti {
namespace {

std::string sparse_error(std::string_view text) {
  const auto parsed = parse_sparse_attention(text);
  return parsed ? "none" : parsed.error().to_string();
}

TEST(AttentionPolicy, ReadsSparseAttention) {
  EXPECT_FALSE(parse_sparse_attention("")->enabled());
  auto sparse = parse_sparse_attention("topk=64");
  ASSERT_TRUE(sparse);
  EXPECT_TRUE(sparse->enabled());
  EXPECT_EQ(sparse->top_k, 64);
  EXPECT_EQ(sparse->min_length, SparseAttention{}.min_length);
  sparse = parse_sparse_attention("min-length=100,topp=0.95,sinks=0,recent=64,dense-layers=3");
  ASSERT_TRUE(sparse);
  EXPECT_FLOAT_EQ(sparse->top_p, 0.95f);
  EXPECT_EQ(sparse->min_length, 100);
  EXPECT_EQ(sparse->sinks, 0);
  EXPECT_EQ(sparse->recent, 64);
  EXPECT_EQ(sparse->dense_layers, 3);
}

TEST(AttentionPolicy, NamesWhatIsWrong) {
  using testing::HasSubstr;
  EXPECT_THAT(sparse_error("topq=1"), HasSubstr("there is no option \"topq\""));
  EXPECT_THAT(sparse_error("topk"), HasSubstr("\"topk\" is not of the form name=value"));
  EXPECT_THAT(sparse_error("topk=4,,sinks=1"), HasSubstr("\"\" is not of the form"));
  EXPECT_THAT(sparse_error("topk=0"), HasSubstr("topk is \"0\""));
  EXPECT_THAT(sparse_error("topk=4x"), HasSubstr("topk is \"4x\""));
  EXPECT_THAT(sparse_error("topk=99999999999"), HasSubstr("topk is"));
  EXPECT_THAT(sparse_error("topp=1.5"),
              HasSubstr("topp is \"1.5\"; it must be a number above 0 and up to 1"));
  EXPECT_THAT(sparse_error("topp=nan"), HasSubstr("topp is \"nan\""));
  EXPECT_THAT(sparse_error("topp=0"), HasSubstr("topp is \"0\""));
  EXPECT_THAT(sparse_error("topk=4,topk=5"), HasSubstr("topk is given twice"));
  EXPECT_THAT(sparse_error("topk=4,topp=0.5"), HasSubstr("exactly one of topk and topp"));
  EXPECT_THAT(sparse_error("sinks=4"), HasSubstr("exactly one of topk and topp"));
  EXPECT_THAT(sparse_error("topk=4,recent=-1"), HasSubstr("recent is \"-1\""));
  EXPECT_EQ(parse_sparse_attention("topk=0").error().code, "attention.sparse");
}

TEST(AttentionPolicy, RefusesWhatCannotGoTogether) {
  EXPECT_TRUE(make_attention_policy(0, 0, ""));
  EXPECT_TRUE(make_attention_policy(1024, 4, ""));
  EXPECT_EQ(make_attention_policy(-1, 0, "").error().code, "attention.window");
  EXPECT_EQ(make_attention_policy(int64_t{1} << 40, 0, "").error().code, "attention.window");
  EXPECT_EQ(make_attention_policy(0, 4, "").error().code, "attention.window");
  EXPECT_EQ(make_attention_policy(1024, 4, "topk=8").error().code, "attention.sparse");
}

TEST(AttentionPolicy, LayersKeepTheSmallerWindow) {
  ModelConfig config;
  config.attention = {{.window = 0}, {.window = 512}, {.window = 4096}};
  apply_attention_policy({.window = 1024, .sinks = 4}, config);
  EXPECT_EQ(config.attention[0].window, 1024);
  EXPECT_EQ(config.attention[0].sinks, 4);
  EXPECT_EQ(config.attention[1].window, 512);
  EXPECT_EQ(config.attention[1].sinks, 0);
  EXPECT_EQ(config.attention[2].window, 1024);
  EXPECT_EQ(config.attention[2].sinks, 4);
}

TEST(AttentionPolicy, FullLayersBehindTheFirstAreSparse) {
  ModelConfig config;
  config.attention = {{.window = 0}, {.window = 0}, {.window = 512}, {.window = 0}};
  apply_attention_policy({.sparse = *parse_sparse_attention("topk=8,dense-layers=1")}, config);
  EXPECT_FALSE(config.attention[0].sparse);
  EXPECT_TRUE(config.attention[1].sparse);
  EXPECT_FALSE(config.attention[2].sparse);
  EXPECT_TRUE(config.attention[3].sparse);
}

}  // namespace
}  // namespace pingti
