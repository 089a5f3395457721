// What waiting for a primitive allocates: the machine that waits, a block of
// the slab, and nothing from the heap.

#include <cstdint>
#include <utility>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/sync.h"
#include "ratchet/task.h"
#include "tests/support/allocations.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::allocation_count;
using ::ratchet::test::loop_test;

// Acquires again and again, for ever.
template <class Lock>
class again final : public task<void> {
 public:
  explicit again(Lock& lock) : lock_(lock) {}
  step start() { return await<&again::acquired>(lock_.acquire()); }

 private:
  step acquired() { return yield<&again::released>(); }
  step released() {
    ++rounds;
    static_cast<void>(lock_.release());
    return start();
  }

  Lock& lock_;

 public:
  static inline uint64_t rounds = 0;
};

class WaitingMemoryTest : public loop_test {
 protected:
  template <class Lock>
  void expect_a_block_each(Lock& lock) {
    future<void> a = loop.create_task(again<Lock>(lock));
    future<void> b = loop.create_task(again<Lock>(lock));
    iterate(10);
    const uint64_t before = again<Lock>::rounds;
    const allocation_count count;
    for (int i = 0; i < 100; ++i) {
      loop.stop();
      (void)loop.run_forever();
    }
    const uint64_t blocks = count.blocks();
    [[maybe_unused]] const uint64_t heap = count.from_heap();
    const uint64_t rounds = again<Lock>::rounds - before;
    EXPECT_GT(rounds, 30u);
    EXPECT_LE(blocks, rounds + 1);
#ifndef ABSL_HAVE_ADDRESS_SANITIZER
    EXPECT_EQ(heap, 0u);
#endif
    a.cancel();
    b.cancel();
    iterate(4);
  }
};

TEST_F(WaitingMemoryTest, Mutex) {
  mutex m;
  expect_a_block_each(m);
}

TEST_F(WaitingMemoryTest, Semaphore) {
  semaphore s;
  expect_a_block_each(s);
}

}  // namespace
}  // namespace ratchet
