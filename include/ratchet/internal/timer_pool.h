// The memory of a timer_wheel. Included by ratchet/timer_wheel.h; not for
// users.

#ifndef RATCHET_INTERNAL_TIMER_POOL_H_
#define RATCHET_INTERNAL_TIMER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "ratchet/internal/timer_hook.h"

namespace ratchet {
namespace internal {

// One scheduled timer, or what is left of a cancelled one. Entries move about
// and nothing points to them: cancelling marks the entry's id. The id
// is not used again before the entry is gone, so that it cannot be mistaken,
// and `hook` is used only if it is not marked, so the timer may be gone.
struct timer_entry {
  uint64_t key;  // The deadline, with the sign bit flipped: unsigned order.
  timer_hook* hook;
  uint32_t id;
};

// The head of a chunk, and also of a chain: a chain is a circular list of
// chunks through a head that looks like a full chunk, so that appending asks
// one question ("is the last one full?") for an empty chain and a full chunk.
struct timer_link {
  timer_link* next;
  timer_link* prev;
  uint16_t begin;   // Entries [begin, end) are there,
  uint16_t end;     //
  uint16_t sorted;  // and of those [begin, sorted) are in order of their keys.
  uint16_t pushed;  // A chain's: how many chunks were added; at most 65535.
};

// Entries in the order in which they were scheduled (or in due order).
struct timer_chunk : timer_link {
  // Each way from one to the next is a wait for memory, and takes branches that
  // cannot be predicted: with 512 bytes all is a tenth slower, with twice as
  // many next to nothing is faster. An odd number of cache lines, so that the
  // heads of the chunks do not all compete for the same few places of a cache.
  static constexpr size_t kBytes = 17 * 64;
  static constexpr uint16_t kCapacity =
      (kBytes - sizeof(timer_link) - sizeof(size_t)) / sizeof(timer_entry);

  explicit timer_chunk(size_t n) : number(n) {}

  uint16_t size() const { return static_cast<uint16_t>(end - begin); }

  // Puts the entries in order of their keys, equal ones as they stand.
  void sort();

  // Adds an entry, which fits. Field by field: a copy of an entry just put
  // together would load wider than the stores before it, and wait for them.
  void add(uint64_t key, timer_hook* hook, uint32_t id) {
    timer_entry& entry = entries[end++];
    entry.key = key;
    entry.hook = hook;
    entry.id = id;
  }

  // Adds the entries of `other`, which fit.
  void take(const timer_chunk& other);

  timer_entry entries[kCapacity];
  const size_t number;  // Among the chunks of its pool.
};
static_assert(sizeof(timer_chunk) == timer_chunk::kBytes, "nothing unused");

struct timer_chain : timer_link {
  timer_chain() { reset(); }
  timer_chain(const timer_chain&) = delete;
  timer_chain& operator=(const timer_chain&) = delete;

  bool empty() const { return next == this; }
  bool one_chunk() const { return next == prev && next != this; }
  timer_chunk* first() const { return static_cast<timer_chunk*>(next); }
  timer_chunk* last() const { return static_cast<timer_chunk*>(prev); }
  size_t count_chunks(size_t limit) const;  // At most `limit`.

  void reset() {
    next = prev = this;
    begin = sorted = pushed = 0;
    end = timer_chunk::kCapacity;
  }
  void push(timer_chunk* chunk);    // At the end.
  void splice(timer_chain& other);  // All of `other`, at the end.
  static void unlink(timer_chunk* chunk);
};

// One digit of the radix tree. An occupied slot is a chain, or, if expanded,
// stands for a node one level below; its chain is then empty and its `next`
// points to that node, whereas its `prev` still points to itself.
struct timer_node : timer_link {
  static constexpr int kBits = 6;
  static constexpr size_t kSlots = size_t{1} << kBits;

  timer_node* child(size_t i) const {
    return static_cast<timer_node*>(slots[i].next);
  }

  uint64_t occupied = 0;
  uint64_t expanded = 0;  // A subset of `occupied`.
  timer_chain slots[kSlots];
};

// Ids, chunks and nodes of one wheel, from pages that are kept for reuse:
// nothing is allocated while the wheel does not grow beyond its largest size.
//
// Errors: running out of memory ends the process (noexcept).
// Complexity: O(1) but for a new page. Thread-safety: thread-compatible.
class timer_pool {
 public:
  timer_pool() = default;
  timer_pool(const timer_pool&) = delete;
  timer_pool& operator=(const timer_pool&) = delete;
  ~timer_pool();

  size_t live() const { return used_ids() - stale(); }
  size_t stale() const { return stale_ - until_look_; }
  bool empty() const { return used_ids() == 0 || live() == 0; }
  size_t chunks_in_use() const { return chunks_in_use_; }
  size_t bytes() const {
    return bytes_ + capacity_ids_ * (sizeof(ids_[0]) + sizeof(cancelled_[0]));
  }

  // For an entry that is then added; not 0. REQUIRES: has_id(); else add_ids()
  // first.
  uint32_t new_id() { return *--free_ids_; }
  bool has_id() const { return free_ids_ != ids_.get(); }
  void add_ids() noexcept;

  bool cancelled(uint32_t id) const { return cancelled_[id] != 0; }

  // Asks for what popping `entry` will touch. Its timer may be gone: a prefetch
  // of an address that is not there does nothing.
  void prefetch(const timer_entry& entry) const {
    __builtin_prefetch(entry.hook, 1);
    __builtin_prefetch(&cancelled_[entry.id]);
  }

  // Marks the id of an entry. If it returns true, look() must be called: in
  // two steps, so that a caller can leave the second to a tail call.
  bool mark(uint32_t id) {
    cancelled_[id] = 1;
    return --until_look_ == 0;
  }
  // Sweeps a few chunks if too much is stale.
  ABSL_ATTRIBUTE_NOINLINE void look();

  void cancel(uint32_t id) {
    if (ABSL_PREDICT_FALSE(mark(id))) look();
  }

  // Sweeps a few chunks if too much is stale.
  void sweep_some() {
    if (ABSL_PREDICT_FALSE(too_much_is_stale())) sweep_next();
  }

  // For an entry that is removed.
  void free_id(uint32_t id) { *free_ids_++ = id; }

  timer_chunk* new_chunk() {
    if (ABSL_PREDICT_FALSE(free_chunks_ == nullptr)) add_chunks();
    auto* chunk = static_cast<timer_chunk*>(free_chunks_);
    free_chunks_ = chunk->next;
    // It is long out of the cache when there are many. A null one is harmless.
    __builtin_prefetch(free_chunks_, 1);
    used_chunks_[chunk->number / 64] |= uint64_t{1} << (chunk->number % 64);
    ++chunks_in_use_;
    return chunk;
  }
  // `chunk` is in no chain.
  void free_chunk(timer_chunk* chunk) {
    used_chunks_[chunk->number / 64] &= ~(uint64_t{1} << (chunk->number % 64));
    --chunks_in_use_;
    put_chunk(chunk);
  }

  timer_node* new_node() noexcept;
  void free_node(timer_node* node);  // Every slot is empty.

  void append(timer_chain& chain, const timer_entry& entry) {
    timer_link* tail = chain.prev;
    if (tail->end == timer_chunk::kCapacity) tail = push_chunk(chain);
    static_cast<timer_chunk*>(tail)->entries[tail->end++] = entry;
  }

  // Adds an empty chunk at the end of `chain`.
  timer_chunk* push_chunk(timer_chain& chain) {
    timer_chunk* chunk = new_chunk();
    chain.push(chunk);
    return chunk;
  }

  // The chunk of a chain that has one, or could have after a merge; else null.
  timer_chunk* single(timer_chain& chain);

  // Drops what is cancelled at the front of `chain`, and returns the first
  // entry that is not, or null: then `chain` is empty.
  timer_entry* first_live(timer_chain& chain);

  // Makes every timer that is still scheduled idle.
  void detach_all();

  // The number of entries: each has an id.
  size_t used_ids() const { return static_cast<size_t>(ids_end_ - free_ids_); }

 private:
  // Sweeping begins when there are this many more stale entries than live ones.
  static constexpr size_t kStaleSlack = 256;
  // Whether it does is asked once for so many that are cancelled.
  static constexpr uint32_t kLook = 16;
  static constexpr size_t kPageBytes = 16 * 1024;
  static constexpr size_t kChunksPerPage = kPageBytes / sizeof(timer_chunk);
  static constexpr size_t kNodesPerPage = kPageBytes / sizeof(timer_node);

  struct region {
    void* data;
    size_t bytes;
  };

  void put_chunk(timer_chunk* chunk) {
    chunk->begin = chunk->end = chunk->sorted = 0;
    chunk->next = free_chunks_;
    free_chunks_ = chunk;
  }
  timer_chunk* chunk(size_t number) const {
    return chunk_pages_[number / kChunksPerPage] + number % kChunksPerPage;
  }
  ABSL_ATTRIBUTE_NOINLINE void add_chunks() noexcept;
  void* new_page();
  bool too_much_is_stale() const {
    return 2 * stale() > used_ids() + kStaleSlack;
  }
  ABSL_ATTRIBUTE_NOINLINE void sweep_next();
  void sweep(timer_chunk* from);

  // How many of the entries are of cancelled timers, as if until_look_ more
  // were: cancelling counts that down, and nothing else.
  size_t stale_ = kLook;
  size_t until_look_ = kLook;

  // The free ids are a stack in an array with room for all of them.
  std::unique_ptr<uint32_t[]> ids_;
  uint32_t* free_ids_ = nullptr;  // After the top one,
  uint32_t* ids_end_ = nullptr;   // and where that is when all are free.
  size_t capacity_ids_ = 0;
  // For each id whether its timer was cancelled, zero for free ones. Bytes, not
  // bits: to set one needs no load, and to clear one neither.
  std::vector<uint8_t> cancelled_;

  timer_link* free_chunks_ = nullptr;
  timer_link* free_nodes_ = nullptr;
  size_t chunks_in_use_ = 0;

  std::vector<timer_chunk*> chunk_pages_;
  std::vector<uint64_t> used_chunks_;  // A bit for each chunk, by its number.
  size_t sweep_at_ = 0;  // The chunk with which sweep_next() goes on.

  std::vector<region> regions_;
  size_t region_used_ = 0;  // Bytes of the last region.
  size_t bytes_ = 0;
};

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_INTERNAL_TIMER_POOL_H_
