#ifndef RATCHET_INTERNAL_SLAB_H_
#define RATCHET_INTERNAL_SLAB_H_

// Included by future.h and task.h: the memory of every future and task.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "absl/base/attributes.h"
#include "absl/base/config.h"
#include "absl/base/optimization.h"
#include "absl/functional/function_ref.h"

namespace ratchet::internal {

// slab: small blocks in size classes, each class a LIFO free list over 64 KiB
// pages. One slab per thread, because a loop's objects stay on its thread; a
// block that is given back on another thread finds its way home.
//
// Tasks have pages of their own, so that "all tasks of this loop" is a walk
// over those pages and starting a task registers it nowhere.
//
// Pages are kept for reuse until the process ends; the slab of a thread that
// has ended is taken over by the next thread that needs one.
//
// Under AddressSanitizer every block that is no task comes from operator new,
// and free task blocks are poisoned, so that use after free is still found.
//
// Complexity: allocate() and deallocate() O(1).
// Thread-safety: allocate() and deallocate() are thread-safe, see above.
enum class block_kind : uint8_t { plain, task };

constexpr size_t kSlabGrain = 16;
constexpr size_t kSlabFineLimit = 1024;  // Classes are exact up to here,
constexpr size_t kSlabFineClasses = kSlabFineLimit / kSlabGrain;
constexpr size_t kSlabCoarseClasses = 4;  // then 2, 4, 8 and 16 KiB.
constexpr size_t kSlabClasses = kSlabFineClasses + kSlabCoarseClasses;
constexpr size_t kSlabMost = kSlabFineLimit << kSlabCoarseClasses;
constexpr size_t kSlabPageSize = size_t{1} << 16;

// The first word of a free block: the address of the next free one, and, of a
// task block, with bit 0 set. The first word of a live task block is a pointer
// to a virtual table, whose bit 0 is clear: this is how the walk over a task
// page tells them apart.
constexpr uintptr_t kSlabFreeMark = 1;
constexpr uintptr_t free_mark(block_kind kind) {
  return kind == block_kind::task ? kSlabFreeMark : 0;
}

// The part of a slab that the inlined functions touch.
struct slab_heads {
  uintptr_t free[2][kSlabClasses] = {};  // Without the mark; 0: none.
  uint64_t total = 0;
  uint64_t freed = 0;
};

// Of a thread that has none yet: all its lists are empty, so that allocate()
// has one question less. Never written to.
ABSL_CONST_INIT inline slab_heads no_slab;

// Of this thread; a plain pointer, so that reading it calls nothing.
ABSL_CONST_INIT inline thread_local slab_heads* tls_slab = &no_slab;

// The general case of the two functions below.
void* allocate_slowly(size_t size, size_t alignment, block_kind kind);
void deallocate_slowly(void* block, size_t size, size_t alignment,
                       block_kind kind);

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
constexpr bool kSlabInline = false;
#else
constexpr bool kSlabInline = true;
#endif

constexpr bool is_fine_block(size_t size, size_t alignment) {
  return kSlabInline && size <= kSlabFineLimit && alignment <= kSlabGrain;
}

// A block of at least `size` bytes, aligned to `alignment` (a power of two).
// Always inline: where the size is a constant, as in a class's operator new and
// in the deleting destructor, the free list has a constant address.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void* allocate(size_t size,
                                                   size_t alignment,
                                                   block_kind kind) {
  slab_heads* const slab = tls_slab;
  if (is_fine_block(size, alignment)) {
    uintptr_t& head = slab->free[static_cast<size_t>(kind)]
                                [(size + kSlabGrain - 1) / kSlabGrain - 1];
    void* const block = reinterpret_cast<void*>(head);
    if (ABSL_PREDICT_TRUE(block != nullptr)) {
      uintptr_t word;
      std::memcpy(&word, block, sizeof word);
      head = word & ~free_mark(kind);
      // The next one may have been given back long ago.
      __builtin_prefetch(reinterpret_cast<void*>(head), 1);
      ++slab->total;
      return block;
    }
  }
  return allocate_slowly(size, alignment, kind);
}

// Gives back `block`, which came from allocate() with the same arguments.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void deallocate(void* block, size_t size,
                                                    size_t alignment,
                                                    block_kind kind) {
  if (is_fine_block(size, alignment)) {
    // A page begins with the address of its slab.
    slab_heads* const owner = *reinterpret_cast<slab_heads**>(
        reinterpret_cast<uintptr_t>(block) & ~(kSlabPageSize - 1));
    if (ABSL_PREDICT_TRUE(owner == tls_slab)) {
      uintptr_t& head = owner->free[static_cast<size_t>(kind)]
                                   [(size + kSlabGrain - 1) / kSlabGrain - 1];
      const uintptr_t word = head | free_mark(kind);
      std::memcpy(block, &word, sizeof word);
      head = reinterpret_cast<uintptr_t>(block);
      ++owner->freed;
      return;
    }
  }
  deallocate_slowly(block, size, alignment, kind);
}

// That with which operator new of a slab_allocated class allocates a T.
template <class T>
constexpr size_t kSlabAlignment = alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__
                                      ? alignof(T)
                                      : size_t{
                                            __STDCPP_DEFAULT_NEW_ALIGNMENT__};

// slab_returns: plain blocks on their way back to the slabs of other threads,
// many at a time: one atomic operation for each would be a good part of what a
// message between threads costs. The one who receives has it.
//
// At most 64 blocks of one size and thread wait for flush(), which
// whoever goes to sleep calls.
// Complexity: O(1). Thread-safety: thread-compatible.
class slab_returns {
 public:
  slab_returns() = default;
  slab_returns(const slab_returns&) = delete;
  slab_returns& operator=(const slab_returns&) = delete;
  ~slab_returns() { flush(); }

  // As deallocate().
  void add(void* block, size_t size, size_t alignment) {
    if (is_fine_block(size, alignment)) {
      slab_heads* const owner = *reinterpret_cast<slab_heads**>(
          reinterpret_cast<uintptr_t>(block) & ~(kSlabPageSize - 1));
      if (ABSL_PREDICT_TRUE(owner != tls_slab)) {
        const size_t index = (size + kSlabGrain - 1) / kSlabGrain - 1;
        chain& c = chains_[reinterpret_cast<uintptr_t>(owner) / 1024 % kChains];
        if (ABSL_PREDICT_FALSE(c.owner != owner || c.index != index ||
                               c.count == kMost)) {
          begin(c, owner, index, block);
          return;
        }
        const uintptr_t word = c.first;
        std::memcpy(block, &word, sizeof word);
        c.first = reinterpret_cast<uintptr_t>(block);
        ++c.count;
        return;
      }
    }
    deallocate(block, size, alignment, block_kind::plain);
  }

  void flush();

 private:
  static constexpr uint32_t kMost = 64;
  static constexpr size_t kChains = 4;

  // Blocks of one thread and size, linked as in a free list.
  struct chain {
    slab_heads* owner = nullptr;
    uintptr_t first = 0;
    void* last = nullptr;
    size_t index = 0;
    uint32_t count = 0;
  };

  static void begin(chain& c, slab_heads* owner, size_t index, void* block);
  static void give_back(chain& c);

  chain chains_[kChains];
};

// Calls `visit` for each live task block of this thread's slab, in no order.
// `visit` must not allocate or free task blocks.
// Complexity: O(task blocks ever live at once).
void for_each_task_block(absl::FunctionRef<void(void* block)> visit);

// The number of blocks this thread's slab has handed out: in all, and of those
// that are out now. What the allocation tests count.
struct slab_statistics {
  uint64_t total = 0;
  uint64_t live = 0;
};
slab_statistics slab_stats();

// Gives a class hierarchy with a virtual destructor operator new and delete on
// the slab: derive from it, and `delete` finds the size by itself.
template <block_kind kKind>
struct slab_allocated {
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void* operator new(size_t size) {
    return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__, kKind);
  }
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void* operator new(
      size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<size_t>(alignment), kKind);
  }
  static void* operator new(size_t, void* place) { return place; }
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void operator delete(void* block,
                                                           size_t size) {
    deallocate(block, size, __STDCPP_DEFAULT_NEW_ALIGNMENT__, kKind);
  }
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void operator delete(
      void* block, size_t size, std::align_val_t alignment) {
    deallocate(block, size, static_cast<size_t>(alignment), kKind);
  }
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_SLAB_H_
