#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/version.h"
#include "kernels/tuning.h"

namespace pingti {
namespace {

constexpr double kSeconds = 0.3;

std::filesystem::path cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') return cache;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::filesystem::path(home) / ".cache";
  }
  return {};
}

// All that a measurement depends on. One line.
std::string key_of(const Kernels& kernels, const ThreadPool& threads, const CacheSizes& caches) {
  const CpuFeatures& cpu = cpu_features();
  return "pingti " + std::string(kVersion) + ", " + std::string(cpu.cpu_name) + " (" +
         std::to_string(cpu.signature) + "), L2 " + std::to_string(caches.l2) + ", L3 " +
         std::to_string(caches.l3_whole) + ", " + kernels.isa + ", " + std::to_string(threads.size()) +
         " threads";
}

// Of the key (FNV-1a): machines that share a home folder keep files of their own.
std::string file_name(const std::string& key) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (int shift = 60; shift >= 0; shift -= 4) name += kDigits[hash >> shift & 15];
  return name + ".txt";
}

}  // namespace

Tuning machine_tuning(const Kernels& kernels, ThreadPool& threads) {
  const CacheSizes caches = cache_sizes();
  const Tuning derived = derive_tuning(caches);
  if (const char* choice = std::getenv("PINGTI_TUNE");
      choice != nullptr && std::string_view(choice) == "off") {
    return derived;
  }
  const std::string key = key_of(kernels, threads, caches);
  const std::filesystem::path folder = cache_folder() / "pingti" / "tuning";
  const bool kept = folder.is_absolute();
  if (kept) {
    constexpr size_t kLimit = 64 << 10;
    if (const auto text = read_file(folder / file_name(key), kLimit)) {
      if (const auto tuning = parse_tuning(*text, key)) return *tuning;
    }
  }
  const MeasuredTuning measured = measure_tuning(kernels, threads, caches, derived, kSeconds);
  if (kept && measured.complete) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (!failed) std::ignore = write_file_atomically(folder / file_name(key), to_text(key, measured.tuning));
  }
  return measured.tuning;
}

}  // namespace pingti
