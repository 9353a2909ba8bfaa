// How long answers become, learned from those given: a decayed quantile for each tenant and for all.
//
// A histogram over lengths whose older observations count less (each new one multiplies them by kDecay), so
// that the estimate follows a tenant whose use changes. A tenant with few answers is estimated from
// everybody's. Tenants are bounded: the one unused longest is forgotten. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace pingti {

class AnswerLengths {
 public:
  static constexpr double kDecay = 0.98;
  static constexpr double kQuantile = 0.8;
  static constexpr uint64_t kLeastObservations = 5;
  static constexpr int64_t kUnknown = 256;  // tokens, before the first answer
  static constexpr size_t kMostTenants = 1024;

  void observe(const std::string& tenant, int64_t tokens);
  // At most `most`, what the request allows.
  int64_t estimate(const std::string& tenant, int64_t most) const;
  size_t tenants() const { return tenants_.size(); }

 private:
  // Bucket i holds lengths up to 2^(i/2).
  struct Histogram {
    std::array<double, 64> weights{};
    double total = 0;
    uint64_t observations = 0;
    uint64_t last_use = 0;

    void add(int64_t tokens);
    int64_t quantile(double share) const;
  };

  Histogram all_;
  std::unordered_map<std::string, Histogram> tenants_;
  uint64_t uses_ = 0;
};

}  // namespace pingti
