#include "tests/support/counting_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "absl/base/attributes.h"

namespace {

std::atomic<uint64_t> count{0};

}  // namespace

// Counted, to show what does not allocate. Not inlined, for GCC would warn that
// free() does not match what it knows to be a new.
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t bytes,
                                           std::align_val_t alignment) {
  count.fetch_add(1, std::memory_order_relaxed);
  const auto unit = static_cast<size_t>(alignment);
  void* const memory =
      std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
  if (memory == nullptr) std::abort();
  return memory;
}
ABSL_ATTRIBUTE_NOINLINE void* operator new(size_t bytes,
                                           const std::nothrow_t&) noexcept {
  count.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(bytes);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory,
                                             const std::nothrow_t&) noexcept {
  std::free(memory);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory) noexcept {
  std::free(memory);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory,
                                             std::align_val_t) noexcept {
  std::free(memory);
}
ABSL_ATTRIBUTE_NOINLINE void operator delete(void* memory, size_t,
                                             std::align_val_t) noexcept {
  std::free(memory);
}

namespace ratchet::test {

uint64_t mallocs() { return count.load(std::memory_order_relaxed); }

}  // namespace ratchet::test
