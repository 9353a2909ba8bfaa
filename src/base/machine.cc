#include "base/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

namespace pingti {
namespace {

// The cgroup v2 folder of this process ("" when there is none).
std::string cgroup_folder() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return {};
}

// The first number in a file; `otherwise` when it is absent or "max".
double first_number(const std::string& path, double otherwise) {
  std::ifstream file(path);
  double value = 0;
  return file >> value ? value : otherwise;
}

// The sum of some keys of a "key value" file.
double value_of(const std::string& path, std::initializer_list<std::string_view> keys) {
  std::ifstream file(path);
  double sum = 0;
  double value = 0;
  for (std::string key; file >> key >> value;) {
    if (std::ranges::find(keys, key) != keys.end()) sum += value;
  }
  return sum;
}

double cgroup_cpus() {
  constexpr double kUnlimited = std::numeric_limits<double>::infinity();
  double cpus = kUnlimited;
  for (std::string folder = cgroup_folder(); folder.size() >= sizeof("/sys/fs/cgroup") - 1;) {
    std::ifstream file(folder + "/cpu.max");
    std::string quota;
    double period = 0;
    if (file >> quota >> period && quota != "max" && period > 0)
      cpus = std::min(cpus, std::stod(quota) / period);
    const size_t slash = folder.rfind('/');
    if (folder == "/sys/fs/cgroup" || slash == std::string::npos) break;
    folder.resize(slash);
  }
  const double quota = first_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", -1);
  const double period = first_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us", -1);
  if (quota > 0 && period > 0) cpus = std::min(cpus, quota / period);
  return cpus;
}

uint64_t cgroup_memory_left() {
  double left = std::numeric_limits<double>::infinity();
  for (std::string folder = cgroup_folder(); !folder.empty();) {
    const double limit = first_number(folder + "/memory.max", -1);
    const double used = first_number(folder + "/memory.current", 0);
    if (limit > 0) {
      // Page cache counts as used but is given back on demand.
      const double cache = value_of(folder + "/memory.stat", {"inactive_file", "active_file"});
      left = std::min(left, std::max(0.0, limit - used + cache));
    }
    const size_t slash = folder.rfind('/');
    if (folder == "/sys/fs/cgroup" || slash == std::string::npos) break;
    folder.resize(slash);
  }
  // cgroup v1, as containers see their own.
  const double limit = first_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", -1);
  const double used = first_number("/sys/fs/cgroup/memory/memory.usage_in_bytes", 0);
  const double cache =
      value_of("/sys/fs/cgroup/memory/memory.stat", {"total_inactive_file", "total_active_file"});
  if (limit > 0) left = std::min(left, std::max(0.0, limit - used + cache));
  return left > 1e18 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(left);
}

uint64_t meminfo_available() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("MemAvailable:")) return std::stoull(line.substr(13)) * 1024;
  }
  return std::numeric_limits<uint64_t>::max();
}

// CPUs in a list such as "0-3,8": 1 when it cannot be read.
int cpus_in_list(const std::string& path) {
  std::ifstream file(path);
  int count = 0;
  for (std::string range; std::getline(file, range, ',');) {
    std::istringstream text(range);
    int first = 0;
    if (!(text >> first)) continue;
    int last = first;
    if (text.peek() == '-') text.ignore(1) >> last;
    count += std::max(1, last - first + 1);
  }
  return std::max(1, count);
}

}  // namespace

CacheSizes cache_sizes() {
  CacheSizes sizes;
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    std::ifstream type_file(folder + "/type");
    std::string type;
    if (!(type_file >> type)) break;
    const auto level = static_cast<int>(first_number(folder + "/level", 0));
    const auto bytes = static_cast<int64_t>(first_number(folder + "/size", 0)) * 1024;  // "1024K"
    if (type == "Instruction" || bytes <= 0) continue;
    const int64_t share = bytes / cpus_in_list(folder + "/shared_cpu_list");
    if (level == 2) sizes.l2 = share;
    if (level == 3) {
      sizes.l3 = share;
      sizes.l3_whole = bytes;
    }
  }
  return sizes;
}

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  const double quota = cgroup_cpus();
  if (quota < cpus) cpus = static_cast<int>(quota);
  return std::max(1, cpus);
}

uint64_t available_memory() { return std::min(meminfo_available(), cgroup_memory_left()); }

uint64_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace pingti
