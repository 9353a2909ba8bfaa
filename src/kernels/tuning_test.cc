#include "kernels/tuning.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace pingti {
namespace {

std::string text_of(const Tuning& tuning) { return to_text("key", tuning); }

TEST(Tuning, DefaultsSuitACacheOfAMebibyte) {
  EXPECT_EQ(text_of(derive_tuning({.l2 = 1 << 20})), text_of(Tuning{}));
}

TEST(Tuning, FollowsTheCache) {
  Tuning small = derive_tuning({.l2 = 256 << 10});
  Tuning large = derive_tuning({.l2 = 2 << 20});
  EXPECT_LT(small.piece_bytes, large.piece_bytes);
  EXPECT_LT(small.linear.group_bytes, large.linear.group_bytes);
  EXPECT_LT(small.attention_rows, large.attention_rows);
}

TEST(Tuning, AnyCacheGivesValuesWithinTheirLimits) {
  for (const int64_t l2 : {int64_t{-1}, int64_t{0}, int64_t{1} << 10, int64_t{1} << 40}) {
    Tuning tuning = derive_tuning({.l2 = l2});
    for (const TuningField& field : fields_of(tuning)) {
      EXPECT_GE(*field.value, field.least) << field.name;
      EXPECT_LE(*field.value, field.most) << field.name;
    }
  }
}

TEST(Tuning, IsReadAsItWasWritten) {
  Tuning tuning;
  int64_t value = 2000;
  for (const TuningField& field : fields_of(tuning)) *field.value = std::min(field.most, value++);
  const auto read = parse_tuning(text_of(tuning), "key");
  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(text_of(*read), text_of(tuning));
}

TEST(Tuning, RefusesWhatIsNotWholeOrNotItsOwn) {
  const std::string text = text_of({});
  EXPECT_TRUE(parse_tuning(text, "key").has_value());
  EXPECT_FALSE(parse_tuning(text, "other").has_value());
  for (size_t length = 0; length + 1 < text.size(); ++length) {  // the last is a newline
    const auto cut = parse_tuning(text.substr(0, length), "key");
    // A last number that lost digits is still one.
    if (cut) {
      EXPECT_EQ(text.substr(0, length).find_last_of('\n'),
                text.substr(0, text.size() - 1).find_last_of('\n'));
    }
  }
  EXPECT_FALSE(parse_tuning(text + text.substr(4), "key").has_value());
  EXPECT_FALSE(parse_tuning(text + "colour 3\n", "key").has_value());
  const size_t at = text.find("group_bytes ") + 12;
  for (const char* value : {"-5", "0", "99999999999999999999", "x", "", "5 ", "0x10"}) {
    std::string changed = text;
    changed.replace(at, changed.find('\n', at) - at, value);
    const auto refused = parse_tuning(changed, "key");
    ASSERT_FALSE(refused.has_value()) << value;
    EXPECT_EQ(refused.error().code, "kernels.tuning");
    EXPECT_NE(refused.error().message.find("group_bytes"), std::string::npos);
  }
}

class KeptTuning : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("pingti_tuning_" + std::to_string(::getpid()));
    keep("XDG_CACHE_HOME", cache_);
    keep("PINGTI_TUNE", tune_);
    setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
    unsetenv("PINGTI_TUNE");
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    restore("XDG_CACHE_HOME", cache_);
    restore("PINGTI_TUNE", tune_);
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> found;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "pingti" / "tuning", none)) {
      found.push_back(entry.path());
    }
    return found;
  }
  Tuning tuning() { return machine_tuning(*all_kernels().back(), threads_); }

  std::filesystem::path folder_;
  ThreadPool threads_{2};

 private:
  static void keep(const char* name, std::string& value) {
    if (const char* now = std::getenv(name)) value = now;
  }
  static void restore(const char* name, const std::string& value) {
    if (value.empty()) unsetenv(name);
    if (!value.empty()) setenv(name, value.c_str(), 1);
  }
  std::string cache_, tune_;
};

TEST_F(KeptTuning, IsMeasuredOnceAndReadAfterwards) {
  const Tuning first = tuning();
  ASSERT_EQ(files().size(), 1u);
  const std::string kept = read_file(files()[0]).value();
  EXPECT_EQ(to_text(kept.substr(0, kept.find('\n')), first), kept);
  // What lies there is what counts.
  std::string changed = kept;
  const size_t at = changed.find("attention_rows ") + 15;
  changed.replace(at, changed.find('\n', at) - at, "7");
  ASSERT_TRUE(write_file_atomically(files()[0], changed).has_value());
  EXPECT_EQ(tuning().attention_rows, 7);
}

TEST_F(KeptTuning, ADamagedFileIsMeasuredAgain) {
  tuning();
  ASSERT_TRUE(write_file_atomically(files()[0], "rubbish").has_value());
  Tuning again = tuning();
  for (const TuningField& field : fields_of(again)) {
    EXPECT_GE(*field.value, field.least);
    EXPECT_LE(*field.value, field.most);
  }
  EXPECT_NE(read_file(files()[0]).value(), "rubbish");
}

TEST_F(KeptTuning, OffMeasuresAndKeepsNothing) {
  setenv("PINGTI_TUNE", "off", 1);
  EXPECT_EQ(text_of(tuning()), text_of(derive_tuning(cache_sizes())));
  EXPECT_TRUE(files().empty());
}

TEST_F(KeptTuning, AFolderThatCannotBeWrittenIsNoError) {
  setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
  Tuning measured = tuning();
  EXPECT_GE(measured.piece_bytes, 1);
}

TEST(Tuning, EveryTableIsMeasuredWithinLimits) {
  ThreadPool threads(2);
  for (const Kernels* kernels : all_kernels()) {
    if (!is_runnable(*kernels)) continue;
    Tuning tuning =
        measure_tuning(*kernels, threads, cache_sizes(), derive_tuning(cache_sizes()), 0.2).tuning;
    for (const TuningField& field : fields_of(tuning)) {
      EXPECT_GE(*field.value, field.least) << kernels->isa << " " << field.name;
      EXPECT_LE(*field.value, field.most) << kernels->isa << " " << field.name;
    }
  }
}

}  // namespace
}  // namespace pingti
