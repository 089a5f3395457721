// The ordered part of a timer_wheel. Included by ratchet/timer_wheel.h; not for
// users.

#ifndef RATCHET_INTERNAL_TIMER_RADIX_H_
#define RATCHET_INTERNAL_TIMER_RADIX_H_

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "ratchet/internal/timer_hook.h"
#include "ratchet/internal/timer_pool.h"

namespace ratchet {
namespace internal {

// For each of the 64 bits, the level of its digit and the digit's lowest bit. A
// division by six and a multiplication, which each arming would wait for.
struct timer_digits {
  constexpr timer_digits() {
    for (int bit = 0; bit < 64; ++bit) {
      level[bit] = static_cast<uint8_t>(bit / timer_node::kBits);
      shift[bit] = static_cast<uint8_t>(level[bit] * timer_node::kBits);
    }
  }
  uint8_t level[64] = {};
  uint8_t shift[64] = {};
};

// timer_radix: entries by key, equal keys in the order of their insertion.
//
// A radix heap over 64-bit keys in digits of six bits, opened up lazily. The
// base is the key up to which everything was taken out. An entry belongs to
// the level of the highest digit in which its key differs from the base, there
// to the slot of its own digit. The levels that the base has in common with no
// slot in use are not built: below level floor_ nothing is distinguished yet,
// and all that agrees with the base down to there shares the slot of the
// base's own digit, the current slot.
//
// A slot is a chain while it fits one chunk, which is then sorted by insertion
// when its least key is asked for. A chain that outgrew a chunk by the time
// the base enters it, or that its least key is asked for, is expanded: its
// entries move to the 64 slots of a node one level below. So is one that grows
// beyond kBurstChunks, so that few of these moves are long.
//
// Whoever advances it need not do so while no key can be due: the base may stay
// behind the time, and the places of entries depend on the base only.
//
// Why equal keys stay in order: the place of an entry is a function of its key,
// of the base and of which slots are expanded, and each change of these moves
// all entries concerned, in order, at once. So at any time equal keys are in
// one chain, in the order in which they came.
//
// Complexity: insert() O(1); each entry moves at most once per level, at most
// 11 times, and those of a chain that agree in a digit are not moved for it.
// Thread-safety: thread-compatible.
// Sources: Ahuja, Mehlhorn, Orlin, Tarjan, "Faster Algorithms for the Shortest
// Path Problem", JACM 37(2), 1990 (radix heaps); Varghese, Lauck, "Hashed and
// Hierarchical Timing Wheels", SOSP '87.
class timer_radix {
 public:
  timer_radix(timer_pool& pool, uint64_t base);
  timer_radix(const timer_radix&) = delete;
  timer_radix& operator=(const timer_radix&) = delete;

  uint64_t base() const { return base_; }

  // No key of a timer that is not cancelled is less than that: there is no need
  // to advance() to an earlier one.
  uint64_t earliest() const { return earliest_; }

  // REQUIRES: key > base().
  void insert(uint64_t key, timer_hook* hook, uint32_t id) {
    assert(key > base_);
    earliest_ = key < earliest_ ? key : earliest_;
    const int top = top_bit((key ^ base_) | floor_bit_);
    timer_node* node = levels_[kDigits.level[top]];
    timer_link* tail =
        node->slots[(key >> kDigits.shift[top]) & (timer_node::kSlots - 1)]
            .prev;
    // If there is room, the slot is neither empty nor expanded.
    if (ABSL_PREDICT_TRUE(tail->end != timer_chunk::kCapacity)) {
      return static_cast<timer_chunk*>(tail)->add(key, hook, id);
    }
    return insert_slow(kDigits.level[top], key, hook, id);
  }

  // The first entry that is not cancelled, or null. Valid until the next call.
  const timer_entry* first();

  // Moves the entries with keys up to `to` to the end of `due`, in order.
  // REQUIRES: to > base(), which it becomes.
  void advance(uint64_t to, timer_chain& due);

  // OK, or kInternal naming the broken invariant; adds to the two numbers.
  absl::Status check(size_t& live, size_t& stale) const;

 private:
  static constexpr int kBits = timer_node::kBits;
  static constexpr int kLevels = (64 + kBits - 1) / kBits;
  static constexpr timer_digits kDigits{};

  static size_t digit(uint64_t key, int level) {
    return (key >> (level * kBits)) & (timer_node::kSlots - 1);
  }
  // The highest bit of a difference that is not zero, which absl::countl_zero
  // would ask again.
  static int top_bit(uint64_t difference) {
    return __builtin_clzll(difference) ^ 63;
  }
  // The level of the highest digit that is not zero; difference != 0.
  static int level_of(uint64_t difference) {
    return kDigits.level[top_bit(difference)];
  }

  ABSL_ATTRIBUTE_NOINLINE void insert_slow(int level, uint64_t key,
                                           timer_hook* hook, uint32_t id);
  // Half as many chunks again are expanded in less than 0.5 ms. If it were much
  // less, a million timers would have thousands of tails to be appended to,
  // which miss the cache: 50 ns per arming would be 90.
  static constexpr uint16_t kBurstChunks = 1536;

  // Slots above this level, of 2^42 ticks (73 minutes, if a tick is 1 ns), are
  // not: where some of them are expanded and some are not, which way an arming
  // goes cannot be predicted, and each would take 90 ns instead of 50. So a
  // million timers in one of those cost 5 ms when the base enters it.
  static constexpr int kBurstLevel = 6;

  void burst(timer_node* node, size_t slot, int level);
  void expand(timer_node* node, size_t slot, int level);
  // A chain of fewer chunks than that stays in the cache until it fires.
  static constexpr size_t kSoonChunks = 16;
  void distribute(timer_chain& chain, timer_node* node, int level);
  static void vacate(timer_node* node, size_t slot);
  void collapse(timer_node* node, size_t slot);
  bool enter();
  const timer_entry* first_in(timer_node* node, size_t slot, int level);
  void drain(timer_node* node, size_t slot, int level, timer_chain& due);
  void drain_before(timer_node* node, size_t slot, int level, timer_chain& due);
  void drain_current(uint64_t to, timer_chain& due);
  uint64_t lower_bound() const;
  absl::Status check_node(const timer_node* node, int level, uint64_t prefix,
                          size_t& live, size_t& stale) const;

  timer_pool& pool_;
  void set_floor(int level) {
    floor_ = level;
    floor_bit_ = uint64_t{1} << (level * kBits);
  }

  uint64_t base_;
  uint64_t earliest_ = ~uint64_t{0};
  int floor_;
  uint64_t floor_bit_;  // Its lowest bit: no difference is below this level.
  // Those from floor_ on are there. In levels_[l], l > floor_, slots in use are
  // beyond the base's digit; in levels_[floor_] not before it, and the current
  // slot is not expanded.
  timer_node* levels_[kLevels] = {};
};

// OK, or kInternal naming what is wrong; adds to the two numbers.
absl::Status check_chain(const timer_pool& pool, const timer_chain& chain,
                         size_t& live, size_t& stale);

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_INTERNAL_TIMER_RADIX_H_
