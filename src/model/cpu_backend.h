// The CPU implementation of Backend: the kernels of one ISA, spread over a thread pool.
#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/tuning.h"
#include "model/backend.h"

namespace pingti {

struct CpuBackendOptions {
  const Kernels* kernels = nullptr;
  ThreadPool* threads = nullptr;
  KvType kv_type = KvType::kF16;
  bool count_attention = false;  // attention_work() counts
  bool activations_f32 = false;
  Tuning tuning;
};

std::unique_ptr<Backend> make_cpu_backend(const CpuBackendOptions& options);

}  // namespace pingti
