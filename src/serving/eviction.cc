#include "serving/eviction.h"

#include <algorithm>
#include <tuple>

namespace pingti {

std::vector<size_t> choose_victims(std::vector<EvictionCandidate> candidates, int64_t needed) {
  std::ranges::sort(candidates, {}, [](const EvictionCandidate& candidate) {
    return std::tuple(!candidate.leaving, candidate.last_used, candidate.model);
  });
  int64_t freed = 0;
  size_t count = 0;
  while (count < candidates.size() && freed < needed) freed += candidates[count++].bytes;
  std::vector<size_t> victims;
  if (freed < needed) return victims;
  for (size_t i = count; i-- > 0;) {
    if (freed - candidates[i].bytes >= needed) {
      freed -= candidates[i].bytes;
    } else {
      victims.push_back(candidates[i].model);
    }
  }
  return victims;
}

}  // namespace pingti
