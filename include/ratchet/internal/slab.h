#ifndef RATCHET_INTERNAL_SLAB_H_
#define RATCHET_INTERNAL_SLAB_H_

// Included by future.h and task.h: the memory of every future and task.

#include <cstddef>
#include <cstdint>
#include <new>

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

// A block of at least `size` bytes, aligned to `alignment` (a power of two).
void* allocate(size_t size, size_t alignment, block_kind kind);

// Gives back `block`, which came from allocate() with the same arguments.
void deallocate(void* block, size_t size, size_t alignment, block_kind kind);

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
  static void* operator new(size_t size) {
    return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__, kKind);
  }
  static void* operator new(size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<size_t>(alignment), kKind);
  }
  static void* operator new(size_t, void* place) { return place; }
  static void operator delete(void* block, size_t size) {
    deallocate(block, size, __STDCPP_DEFAULT_NEW_ALIGNMENT__, kKind);
  }
  static void operator delete(void* block, size_t size,
                              std::align_val_t alignment) {
    deallocate(block, size, static_cast<size_t>(alignment), kKind);
  }
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_SLAB_H_
