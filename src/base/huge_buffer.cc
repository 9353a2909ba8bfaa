#include "base/huge_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <utility>

namespace pingti {
namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

Result<HugeBuffer> HugeBuffer::allocate(size_t bytes) {
  HugeBuffer buffer;
  if (bytes == 0) return buffer;
  const bool huge = bytes >= kHugePage;
  const size_t mapped = huge ? ((bytes + kHugePage - 1) / kHugePage + 1) * kHugePage : bytes;
  void* memory =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(
        ErrorKind::kExhausted, "memory.exhausted",
        fmt::format("the system refused {:.1f} MiB of memory", static_cast<double>(bytes) / (1 << 20)),
        "choose a smaller model or a smaller --ctx");
  }
  buffer.mapping_ = static_cast<std::byte*>(memory);
  buffer.mapped_ = mapped;
  buffer.data_ = buffer.mapping_;
  buffer.size_ = bytes;
  if (huge) {
    const auto address = reinterpret_cast<uintptr_t>(memory);
    buffer.data_ = reinterpret_cast<std::byte*>((address + kHugePage - 1) & ~(kHugePage - 1));
    ::madvise(buffer.data_, (bytes + kHugePage - 1) & ~(kHugePage - 1), MADV_HUGEPAGE);
  }
  return buffer;
}

int64_t HugeBuffer::held_bytes(int64_t bytes) {
  const int64_t page = bytes >= static_cast<int64_t>(kHugePage) ? static_cast<int64_t>(kHugePage) : 4096;
  return (bytes + page - 1) / page * page;
}

HugeBuffer::HugeBuffer(HugeBuffer&& other) noexcept { *this = std::move(other); }

HugeBuffer& HugeBuffer::operator=(HugeBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

HugeBuffer::~HugeBuffer() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_);
}

}  // namespace pingti
