// Reading what an oracle wrote for a test.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace pingti {

// A whole file; a failed test and nothing where there is none.
inline std::string read_fixture(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << "cannot read " << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

template <class Json = nlohmann::json>
Json read_json_fixture(const std::filesystem::path& path) {
  return Json::parse(read_fixture(path));
}

// What `strftime_now` saw when tools/template_golden.py ran the oracle: 2026-03-04 05:06:07, local time.
inline std::chrono::system_clock::time_point oracle_clock() {
  std::tm tm{};
  tm.tm_year = 2026 - 1900;
  tm.tm_mon = 2;
  tm.tm_mday = 4;
  tm.tm_hour = 5;
  tm.tm_min = 6;
  tm.tm_sec = 7;
  tm.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&tm));
}

}  // namespace pingti
