// The memory of a timer_wheel. Included by ratchet/timer_wheel.h; not for
// users.

#ifndef RATCHET_INTERNAL_TIMER_POOL_H_
#define RATCHET_INTERNAL_TIMER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ratchet {

class timer_wheel;

namespace internal {

struct timer_cell;

// What a timer_wheel::timer consists of: its cell while scheduled, else null.
struct timer_hook {
  timer_cell* cell = nullptr;
};

// The indirection between an entry and its timer. Every entry has exactly one
// cell and every cell in use exactly one entry, so that cancelling touches the
// timer and its cell only, wherever the entry is, and the timer may be freed at
// once. A cell in use holds the timer's hook, or null once it was cancelled;
// it is not used again before its entry is gone, so no entry can be mistaken.
// A free cell holds the next free one, told apart by the lowest bit.
struct timer_cell {
  bool free() const { return (word & 1) != 0; }
  bool cancelled() const { return word == 0; }
  timer_hook* hook() const { return reinterpret_cast<timer_hook*>(word); }

  uintptr_t word;
};

// One scheduled timer, or what is left of a cancelled one.
struct timer_entry {
  uint64_t key;  // The deadline, with the sign bit flipped: unsigned order.
  timer_cell* cell;
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
  uint16_t unused;
};

// Entries in the order in which they were scheduled (or in due order).
struct timer_chunk : timer_link {
  static constexpr size_t kBytes = 256;
  static constexpr uint16_t kCapacity =
      (kBytes - sizeof(timer_link)) / sizeof(timer_entry);

  uint16_t size() const { return static_cast<uint16_t>(end - begin); }

  // Puts the entries in order of their keys, equal ones as they stand.
  void sort();

  timer_entry entries[kCapacity];
};

struct timer_chain : timer_link {
  timer_chain() { reset(); }
  timer_chain(const timer_chain&) = delete;
  timer_chain& operator=(const timer_chain&) = delete;

  bool empty() const { return next == this; }
  timer_chunk* first() const { return static_cast<timer_chunk*>(next); }
  timer_chunk* last() const { return static_cast<timer_chunk*>(prev); }
  bool one_chunk() const { return next == prev && next != this; }

  void reset() {
    next = prev = this;
    begin = sorted = unused = 0;
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

// Cells, chunks and nodes of one wheel, from pages that are kept for reuse:
// nothing is allocated while the wheel does not grow beyond its largest size.
//
// Errors: std::bad_alloc from operator new (or the end, without exceptions).
// Complexity: O(1) but for a new page. Thread-safety: thread-compatible.
class timer_pool {
 public:
  explicit timer_pool(timer_wheel* owner) : owner_(owner) {}
  timer_pool(const timer_pool&) = delete;
  timer_pool& operator=(const timer_pool&) = delete;
  ~timer_pool();

  timer_cell* new_cell(timer_hook* hook) {
    if (free_cells_ == nullptr) add_cells();
    timer_cell* cell = free_cells_;
    free_cells_ = reinterpret_cast<timer_cell*>(cell->word & ~uintptr_t{1});
    cell->word = reinterpret_cast<uintptr_t>(hook);
    return cell;
  }
  void free_cell(timer_cell* cell) {
    cell->word = reinterpret_cast<uintptr_t>(free_cells_) | 1;
    free_cells_ = cell;
  }

  timer_chunk* new_chunk() {
    if (free_chunks_ == nullptr) add_chunks();
    timer_chunk* chunk = static_cast<timer_chunk*>(free_chunks_);
    free_chunks_ = chunk->next;
    ++chunks_in_use;
    return chunk;
  }
  // `chunk` is in no chain.
  void free_chunk(timer_chunk* chunk) {
    chunk->begin = chunk->end = chunk->sorted = 0;
    chunk->next = free_chunks_;
    free_chunks_ = chunk;
    --chunks_in_use;
  }

  timer_node* new_node();
  void free_node(timer_node* node);  // Every slot is empty.

  void append(timer_chain& chain, timer_entry entry) {
    timer_link* tail = chain.prev;
    if (tail->end == timer_chunk::kCapacity) {
      timer_chunk* chunk = new_chunk();
      chain.push(chunk);
      tail = chunk;
    }
    static_cast<timer_chunk*>(tail)->entries[tail->end++] = entry;
  }

  // The chunk of a chain that has one, or could have after a merge; else null.
  timer_chunk* single(timer_chain& chain);

  // Drops what is cancelled at the front of `chain`, and returns the first
  // entry that is not, or null: then `chain` is empty.
  timer_entry* first_live(timer_chain& chain);

  // Drops what is cancelled in `chunk`, which is in a chain; joins what is
  // left with its predecessor if it fits, and frees `chunk` if it is empty.
  void sweep(timer_chunk* chunk);

  // Sweeps the next `count` chunks, round and round in address order.
  void sweep_next(size_t count);

  // The wheel that a cell in use belongs to.
  static timer_wheel* owner(const timer_cell* cell);

  // Leaves every timer that is still scheduled unscheduled.
  void detach_all();

  size_t free_cell_count() const;
  size_t cell_count() const;
  size_t bytes() const { return bytes_; }

  size_t live = 0;   // Entries whose timer is scheduled,
  size_t stale = 0;  // and those whose timer was cancelled.
  size_t chunks_in_use = 0;

 private:
  struct cell_page;
  struct region {
    void* data;
    size_t bytes;
  };

  void add_cells();
  void add_chunks();
  void* new_page();

  timer_wheel* const owner_;
  timer_cell* free_cells_ = nullptr;
  timer_link* free_chunks_ = nullptr;
  timer_link* free_nodes_ = nullptr;

  std::vector<cell_page*> cell_pages_;
  std::vector<timer_chunk*> chunk_pages_;
  std::vector<region> regions_;
  size_t region_used_ = 0;  // Bytes of the last region.
  size_t bytes_ = 0;

  size_t sweep_page_ = 0;  // Where sweep_next() goes on.
  size_t sweep_chunk_ = 0;
};

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_INTERNAL_TIMER_POOL_H_
