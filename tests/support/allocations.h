#ifndef RATCHET_TESTS_SUPPORT_ALLOCATIONS_H_
#define RATCHET_TESTS_SUPPORT_ALLOCATIONS_H_

// A counting allocator: linking allocations.cc replaces operator new.

#include <cstdint>

#include "ratchet/internal/slab.h"

namespace ratchet::test {

// How often any operator new was called in this process.
uint64_t allocations_so_far();

// What was allocated since this object was made.
class allocation_count {
 public:
  uint64_t from_heap() const { return allocations_so_far() - heap_; }
  uint64_t blocks() const { return internal::slab_stats().total - slab_; }

 private:
  uint64_t slab_ = internal::slab_stats().total;
  uint64_t heap_ = allocations_so_far();
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_ALLOCATIONS_H_
