#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "kernels/kernels.h"

namespace pingti {
namespace {

class SelectTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* isa = std::getenv("PINGTI_ISA")) saved_ = isa;
    unsetenv("PINGTI_ISA");
  }
  void TearDown() override {
    if (!saved_.empty()) setenv("PINGTI_ISA", saved_.c_str(), 1);
  }

 private:
  std::string saved_;
};

TEST_F(SelectTest, TakesTheFirstRunnableTable) {
  const Kernels* chosen = select_kernels().value();
  for (const Kernels* table : all_kernels()) {
    if (table == chosen) break;
    EXPECT_FALSE(is_runnable(*table)) << table->isa;
  }
  EXPECT_TRUE(is_runnable(*chosen));
}

// Tests on emulated CPUs know which table it has to be.
TEST_F(SelectTest, TakesTheTableExpectedOfThisCpu) {
  const char* expected = std::getenv("PINGTI_EXPECTED_ISA");
  if (expected == nullptr) GTEST_SKIP() << "PINGTI_EXPECTED_ISA is not set";
  EXPECT_STREQ(select_kernels().value()->isa, expected);
}

// A kernel added to some tables only would be a null call on the machines of the others.
TEST_F(SelectTest, EveryTableIsComplete) {
  for (const Kernels* table : all_kernels()) {
    std::array<void*, sizeof(Kernels) / sizeof(void*)> members;
    static_assert(sizeof members == sizeof(Kernels));
    std::memcpy(members.data(), table, sizeof members);
    for (size_t i = 0; i < members.size(); ++i) EXPECT_NE(members[i], nullptr) << table->isa << ", " << i;
  }
}

TEST_F(SelectTest, TheEnvironmentForcesATable) {
  setenv("PINGTI_ISA", "reference", 1);
  EXPECT_STREQ(select_kernels().value()->isa, "reference");
  unsetenv("PINGTI_ISA");
}

TEST_F(SelectTest, AnArgumentIsStrongerThanTheEnvironment) {
  setenv("PINGTI_ISA", "nonsense", 1);
  EXPECT_STREQ(select_kernels("reference").value()->isa, "reference");
  EXPECT_FALSE(select_kernels());
  unsetenv("PINGTI_ISA");
}

TEST_F(SelectTest, UnknownAndMissingNamesListWhatThereIs) {
  const auto unknown = select_kernels("neon9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "kernels.isa_unknown");
  EXPECT_NE(unknown.error().hint.find("reference"), std::string::npos);
  for (const Kernels* table : all_kernels()) {
    const auto forced = select_kernels(table->isa);
    EXPECT_EQ(forced.has_value(), is_runnable(*table)) << table->isa;
    if (!forced) {
      EXPECT_EQ(forced.error().code, "kernels.isa_missing");
    }
  }
}

TEST_F(SelectTest, TheReferenceRunsAnywhere) { EXPECT_TRUE(is_runnable(*all_kernels().back())); }

}  // namespace
}  // namespace pingti
