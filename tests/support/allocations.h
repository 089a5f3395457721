#ifndef RATCHET_TESTS_SUPPORT_ALLOCATIONS_H_
#define RATCHET_TESTS_SUPPORT_ALLOCATIONS_H_

// What is allocated between two points of a program.

#include <cstdint>

#include "ratchet/internal/slab.h"
#include "tests/support/counting_new.h"

namespace ratchet::test {

// What was allocated since this object was made.
class allocation_count {
 public:
  uint64_t from_heap() const { return mallocs() - heap_; }
  uint64_t blocks() const { return internal::slab_stats().total - slab_; }

 private:
  uint64_t slab_ = internal::slab_stats().total;
  uint64_t heap_ = mallocs();
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_ALLOCATIONS_H_
