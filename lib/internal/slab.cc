#include "ratchet/internal/slab.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>

#include "absl/base/attributes.h"
#include "absl/base/config.h"
#include "absl/base/optimization.h"
#include "ratchet/internal/fatal.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

namespace ratchet::internal {
namespace {

constexpr size_t kPageSize = kSlabPageSize;
constexpr size_t kPageMask = kPageSize - 1;
constexpr size_t kHeaderSize = 64;

// Pages are cut from regions that double from one page to the last size, so
// that a small program is small and a large one has whole huge pages.
constexpr size_t kLastRegionSize = size_t{2} << 20;

struct slab;

// Stands at the start of every page; blocks follow from kHeaderSize on. A
// large block has a page, of whatever length, to itself.
struct page {
  slab_heads* owner;  // First: the inlined deallocate() knows its place.
  page* next;         // In owner's list of pages of this kind.
  page** link;        // What points to this page.
  size_t block_size;
  uint32_t begin;  // Offset of the first block.
  uint32_t used;   // Offset past the last block that was ever handed out.
  bool large;
};
static_assert(sizeof(page) <= kHeaderSize);

struct slab : slab_heads {
  page* open[2][kSlabClasses] = {};  // Pages with room past `used`.
  page* pages[2] = {};               // By kind; every page is in its list.
  // Blocks that other threads gave back: a stack, linked like a free list.
  std::atomic<uintptr_t> returned{0};
  char* region = nullptr;  // What is left of the last one.
  size_t region_left = 0;
  size_t region_size = kPageSize;  // Of the next one.
  slab* next_orphan = nullptr;
  // The same of one size: free lists as they are. On cache lines of their own.
  alignas(64) std::atomic<uintptr_t> returned_lists[kSlabFineClasses] = {};
  std::atomic<uint64_t> returned_in_lists{0};  // Ever, in blocks.
};

// The slabs of threads that have ended.
ABSL_CONST_INIT std::mutex orphans_mutex;
ABSL_CONST_INIT slab* orphans = nullptr;

// Its destructor runs when the thread ends.
struct orphan_at_exit {
  ~orphan_at_exit() {
    const std::lock_guard<std::mutex> lock(orphans_mutex);
    slab* const mine = static_cast<slab*>(tls_slab);
    mine->next_orphan = orphans;
    orphans = mine;
    tls_slab = &no_slab;
  }
};

ABSL_ATTRIBUTE_NOINLINE slab& adopt_slab() {
  slab* mine;
  {
    const std::lock_guard<std::mutex> lock(orphans_mutex);
    mine = orphans;
    if (orphans != nullptr) orphans = orphans->next_orphan;
  }
  tls_slab = mine != nullptr ? mine : new slab;
  static thread_local orphan_at_exit at_exit;
  (void)at_exit;
  return *static_cast<slab*>(tls_slab);
}

slab& this_slab() {
  return ABSL_PREDICT_TRUE(tls_slab != &no_slab) ? *static_cast<slab*>(tls_slab)
                                                 : adopt_slab();
}

ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS uintptr_t first_word(const void* block) {
  return *static_cast<const uintptr_t*>(block);
}

ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS void set_first_word(void* block,
                                                       uintptr_t word) {
  *static_cast<uintptr_t*>(block) = word;
}

page* page_of(void* block) {
  return reinterpret_cast<page*>(reinterpret_cast<uintptr_t>(block) &
                                 ~kPageMask);
}

size_t class_of(size_t size) {
  if (size <= kSlabFineLimit) return (size + kSlabGrain - 1) / kSlabGrain - 1;
  size_t index = kSlabFineClasses;
  for (size_t limit = kSlabFineLimit * 2; limit < size; limit *= 2) ++index;
  return index;
}

size_t size_of_class(size_t index) {
  return index < kSlabFineClasses
             ? (index + 1) * kSlabGrain
             : kSlabFineLimit << (index - kSlabFineClasses + 1);
}

// The memory of one page.
void* new_page_memory(slab& s) {
  if (s.region_left == 0) {
    const size_t size = s.region_size;
    // A huge page where the system has them for who asks: a million tasks are
    // read all over.
    const size_t alignment = size == kLastRegionSize ? size : kPageSize;
    s.region =
        static_cast<char*>(::operator new (size, std::align_val_t{alignment}));
#ifdef MADV_HUGEPAGE
    if (size == kLastRegionSize) madvise(s.region, size, MADV_HUGEPAGE);
#endif
    s.region_left = size;
    s.region_size = std::min(2 * size, kLastRegionSize);
  }
  void* const memory = s.region;
  s.region += kPageSize;
  s.region_left -= kPageSize;
  return memory;
}

page* new_page(slab& s, void* memory, size_t block_size, size_t begin,
               block_kind kind) {
  page*& list = s.pages[static_cast<size_t>(kind)];
  page* p = new (memory) page{&s,
                              list,
                              &list,
                              block_size,
                              static_cast<uint32_t>(begin),
                              static_cast<uint32_t>(begin),
                              false};
  if (list != nullptr) list->link = &p->next;
  list = p;
  return p;
}

// Puts a block of this slab on its free list.
void put(slab& s, void* block, block_kind kind) {
  ++s.freed;
  page* p = page_of(block);
  if (p->large) {
    *p->link = p->next;
    if (p->next != nullptr) p->next->link = p->link;
    ::operator delete (p, std::align_val_t{kPageSize});
    return;
  }
  uintptr_t& head = s.free[static_cast<size_t>(kind)][class_of(p->block_size)];
  set_first_word(block, head | free_mark(kind));
  ASAN_POISON_MEMORY_REGION(block, p->block_size);
  head = reinterpret_cast<uintptr_t>(block);
}

// A block that another thread gives back. Its kind travels in bit 1.
void put_remote(slab& owner, void* block, block_kind kind) {
  const uintptr_t word = reinterpret_cast<uintptr_t>(block) |
                         (kind == block_kind::task ? uintptr_t{2} : 0);
  uintptr_t head = owner.returned.load(std::memory_order_relaxed);
  do {
    set_first_word(block, head | kSlabFreeMark);
    // Release: the owner, which acquires, sees the link just written.
  } while (!owner.returned.compare_exchange_weak(
      head, word, std::memory_order_release, std::memory_order_relaxed));
}

void take_returned(slab& s) {
  if (s.returned.load(std::memory_order_relaxed) == 0) return;
  uintptr_t word = s.returned.exchange(0, std::memory_order_acquire);
  while (word != 0) {
    void* block = reinterpret_cast<void*>(word & ~uintptr_t{3});
    const block_kind kind =
        (word & 2) != 0 ? block_kind::task : block_kind::plain;
    word = first_word(block) & ~kSlabFreeMark;
    put(s, block, kind);
  }
}

// The free list is empty: take what other threads returned, else more of the
// open page, else a new page.
ABSL_ATTRIBUTE_NOINLINE void* refill(slab& s, size_t index, block_kind kind) {
  const size_t k = static_cast<size_t>(kind);
  if (kind == block_kind::plain && index < kSlabFineClasses &&
      s.returned_lists[index].load(std::memory_order_relaxed) != 0) {
    // Acquire: sees the links, and what the others did with the blocks before.
    s.free[k][index] =
        s.returned_lists[index].exchange(0, std::memory_order_acquire);
  } else {
    take_returned(s);
  }
  if (s.free[k][index] != 0) {
    void* block = reinterpret_cast<void*>(s.free[k][index]);
    s.free[k][index] = first_word(block) & ~free_mark(kind);
    return block;
  }
  const size_t block_size = size_of_class(index);
  page*& open = s.open[k][index];
  if (open == nullptr || open->used + block_size > kPageSize) {
    open = new_page(s, new_page_memory(s), block_size, kHeaderSize, kind);
    ASAN_POISON_MEMORY_REGION(reinterpret_cast<char*>(open) + kHeaderSize,
                              kPageSize - kHeaderSize);
  }
  void* block = reinterpret_cast<char*>(open) + open->used;
  open->used += static_cast<uint32_t>(block_size);
  return block;
}

void* allocate_large(slab& s, size_t size, size_t alignment, block_kind kind) {
  if (alignment > kPageSize / 2) {
    fatal("a type aligned to more than 32 KiB cannot be in a future or task");
  }
  const size_t begin = std::max(kHeaderSize, alignment);
  void* const memory =
      ::operator new (begin + size, std::align_val_t{kPageSize});
  page* p = new_page(s, memory, size, begin, kind);
  p->large = true;
  p->used = static_cast<uint32_t>(begin + 1);  // One block, however long.
  return reinterpret_cast<char*>(p) + begin;
}

constexpr bool kPlainOnHeap = !kSlabInline;

// Of the blocks that are the heap's: for all threads together, since such a
// block does not say whose it is.
std::atomic<uint64_t> heap_total{0};
std::atomic<uint64_t> heap_freed{0};

}  // namespace

void* allocate_slowly(size_t size, size_t alignment, block_kind kind) {
  if (kPlainOnHeap && kind == block_kind::plain) {
    heap_total.fetch_add(1, std::memory_order_relaxed);
    return ::operator new (size, std::align_val_t{alignment});
  }
  slab& s = this_slab();
  ++s.total;
  if (alignment > kSlabGrain) size = (size + alignment - 1) & ~(alignment - 1);
  if (ABSL_PREDICT_FALSE(size > kSlabMost || alignment > kHeaderSize)) {
    return allocate_large(s, size, alignment, kind);
  }
  const size_t index = class_of(size);
  uintptr_t& head = s.free[static_cast<size_t>(kind)][index];
  void* block = reinterpret_cast<void*>(head);
  if (ABSL_PREDICT_TRUE(block != nullptr)) {
    head = first_word(block) & ~free_mark(kind);
  } else {
    block = refill(s, index, kind);
  }
  ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(index));
  return block;
}

void deallocate_slowly(void* block, [[maybe_unused]] size_t size,
                       [[maybe_unused]] size_t alignment, block_kind kind) {
  if (kPlainOnHeap && kind == block_kind::plain) {
    heap_freed.fetch_add(1, std::memory_order_relaxed);
    // Without the size: clang has the sized one only on request.
    ::operator delete (block, std::align_val_t{alignment});
    return;
  }
  slab& owner = *static_cast<slab*>(page_of(block)->owner);
  if (ABSL_PREDICT_FALSE(&owner != tls_slab)) {
    put_remote(owner, block, kind);
    return;
  }
  put(owner, block, kind);
}

void slab_returns::begin(chain& c, slab_heads* owner, size_t index,
                         void* block) {
  give_back(c);
  c.owner = owner;
  c.index = index;
  c.first = reinterpret_cast<uintptr_t>(block);
  c.last = block;
  c.count = 1;
}

void slab_returns::give_back(chain& c) {
  if (c.count == 0) return;
  slab& owner = *static_cast<slab*>(c.owner);
  // First, so that what is in the list has been counted.
  owner.returned_in_lists.fetch_add(c.count, std::memory_order_relaxed);
  std::atomic<uintptr_t>& list = owner.returned_lists[c.index];
  uintptr_t head = list.load(std::memory_order_relaxed);
  do {
    set_first_word(c.last, head);
  } while (!list.compare_exchange_weak(head, c.first, std::memory_order_release,
                                       std::memory_order_relaxed));
  c = chain();
}

void slab_returns::flush() {
  for (chain& c : chains_) give_back(c);
}

void for_each_task_block(absl::FunctionRef<void(void* block)> visit) {
  slab& s = this_slab();
  take_returned(s);
  for (page* p = s.pages[static_cast<size_t>(block_kind::task)]; p != nullptr;
       p = p->next) {
    const size_t stride = std::max(p->block_size, kSlabGrain);
    for (size_t at = p->begin; at < p->used; at += stride) {
      void* block = reinterpret_cast<char*>(p) + at;
      if ((first_word(block) & kSlabFreeMark) == 0) visit(block);
    }
  }
}

slab_statistics slab_stats() {
  slab& s = this_slab();
  take_returned(s);
  const uint64_t total = s.total + heap_total.load(std::memory_order_relaxed);
  const uint64_t freed = s.freed +
                         s.returned_in_lists.load(std::memory_order_relaxed) +
                         heap_freed.load(std::memory_order_relaxed);
  return {total, total - freed};
}

}  // namespace ratchet::internal
