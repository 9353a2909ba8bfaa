#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace pingti {
namespace {

using testing::ElementsAre;

const std::string kDigest(64, 'b');

TEST(Hub, HuggingFaceListing) {
  const auto files = hugging_face().parse_listing(
      R"([{"type":"directory","path":"q"},
          {"type":"file","path":"q/m.gguf","size":134,"lfs":{"oid":")" +
      kDigest + R"(","size":5000000000}},
          {"type":"file","path":"README.md","size":12,"oid":"1234"},
          {"type":"file","path":"../evil.gguf","size":1}, {"type":"file","path":7}, {"type":"file"}, 3, null])");
  ASSERT_TRUE(files) << files.error().to_string();
  EXPECT_THAT(*files,
              ElementsAre(RemoteFile{"q/m.gguf", 5000000000, kDigest}, RemoteFile{"README.md", 12, ""}));
}

TEST(Hub, ModelScopeListing) {
  const auto files = model_scope().parse_listing(
      R"({"Code":200,"Data":{"Files":[{"Type":"tree","Path":"q"},
          {"Type":"blob","Path":"m.gguf","Size":7,"Sha256":")" +
      kDigest + R"("},
          {"Type":"blob","Path":"/etc/passwd","Size":7}]}})");
  ASSERT_TRUE(files) << files.error().to_string();
  EXPECT_THAT(*files, ElementsAre(RemoteFile{"m.gguf", 7, kDigest}));
  const auto refused =
      model_scope().parse_listing(R"({"Code":10010205001,"Message":"no such model","Data":null})");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("no such model"));
}

TEST(Hub, ListingsThatAreNoListings) {
  for (const char* body : {"", "<html>", "{}", "[", "3", "{\"Data\":{\"Files\":3}}"}) {
    for (const Hub* hub : {&hugging_face(), &model_scope()}) {
      const auto files = hub->parse_listing(body);
      ASSERT_FALSE(files) << body;
      EXPECT_EQ(files.error().code, "hub.listing");
    }
  }
}

TEST(Hub, AddressesFollowTheEndpointAndCarryTheTokenForItAlone) {
  ::setenv("HF_ENDPOINT", "https://mirror.example/", 1);
  ::setenv("HF_TOKEN", " secret\n", 1);
  const auto request = hugging_face().file_request("o/r", "sub dir/m#1.gguf");
  EXPECT_EQ(request.url, "https://mirror.example/o/r/resolve/main/sub%20dir/m%231.gguf");
  EXPECT_EQ(request.credential.url, "https://mirror.example");
  EXPECT_EQ(request.credential.token, "secret");
  ::setenv("HF_TOKEN", "a\r\nX-Header: b", 1);
  EXPECT_EQ(hugging_face().file_request("o/r", "m").credential.token, "");
  ::unsetenv("HF_ENDPOINT");
  ::unsetenv("HF_TOKEN");
  EXPECT_EQ(hugging_face().listing_request("o/r").url,
            "https://huggingface.co/api/models/o/r/tree/main?recursive=1");
}

}  // namespace
}  // namespace pingti
