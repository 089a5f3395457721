#include "ratchet/internal/timer_pool.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

#include "absl/numeric/bits.h"

namespace ratchet {
namespace internal {
namespace {

// Pages come from regions that double from the first to the last size, so that
// a small wheel is small and a large one asks for memory rarely.
constexpr size_t kFirstRegionBytes = 64 * 1024;
constexpr size_t kLastRegionBytes = 2 * 1024 * 1024;

// Ids become available in groups.
constexpr size_t kIdsPerGroup = 512;

// What one call of sweep_next() looks at, at most.
constexpr size_t kSweepChunks = 2;
constexpr size_t kSweepWords = 64;  // Of used_chunks_.

// The largest regions are whole huge pages.
std::align_val_t alignment(size_t bytes) {
  return std::align_val_t{bytes == kLastRegionBytes ? bytes : 64};
}

}  // namespace

void timer_chunk::sort() {
  for (size_t i = std::max(sorted, begin); i < end; ++i) {
    const timer_entry entry = entries[i];
    size_t at = i;
    for (; at > begin && entries[at - 1].key > entry.key; --at) {
      entries[at] = entries[at - 1];
    }
    entries[at] = entry;
  }
  sorted = end;
}

void timer_chunk::take(const timer_chunk& other) {
  // Entry by entry: they may have been moved just now, and memmove() would load
  // wider than those stores, and wait for them.
  for (size_t i = other.begin; i < other.end; ++i) {
    const timer_entry& entry = other.entries[i];
    add(entry.key, entry.hook, entry.id);
  }
}

size_t timer_chain::count_chunks(size_t limit) const {
  size_t count = 0;
  for (const timer_link* link = next; link != this && count < limit;
       link = link->next) {
    ++count;
  }
  return count;
}

void timer_chain::push(timer_chunk* chunk) {
  chunk->prev = prev;
  chunk->next = this;
  prev->next = chunk;
  prev = chunk;
  if (pushed != UINT16_MAX) ++pushed;
}

void timer_chain::splice(timer_chain& other) {
  if (other.empty()) return;
  other.next->prev = prev;
  other.prev->next = this;
  prev->next = other.next;
  prev = other.prev;
  pushed = static_cast<uint16_t>(
      std::min<uint32_t>(uint32_t{pushed} + other.pushed, UINT16_MAX));
  other.reset();
}

void timer_chain::unlink(timer_chunk* chunk) {
  chunk->prev->next = chunk->next;
  chunk->next->prev = chunk->prev;
}

timer_pool::~timer_pool() {
  for (const region& r : regions_) {
    ::operator delete(r.data, alignment(r.bytes));
  }
}

timer_node* timer_pool::new_node() noexcept {
  if (free_nodes_ == nullptr) {
    auto* nodes = static_cast<timer_node*>(new_page());
    for (size_t i = kNodesPerPage; i-- > 0;) {
      free_node(new (nodes + i) timer_node);
    }
  }
  auto* node = static_cast<timer_node*>(free_nodes_);
  free_nodes_ = node->next;
  return node;
}

void timer_pool::free_node(timer_node* node) {
  node->next = free_nodes_;
  free_nodes_ = node;
}

timer_chunk* timer_pool::single(timer_chain& chain) {
  if (chain.one_chunk()) return chain.first();
  if (chain.empty() || chain.next->next != chain.prev) return nullptr;
  timer_chunk* chunk = chain.first();
  timer_chunk* last = chain.last();
  // Room is left, so that it is not the next append that splits it again.
  if (chunk->size() + last->size() > timer_chunk::kCapacity * 3 / 4) {
    return nullptr;
  }
  std::copy(chunk->entries + chunk->begin, chunk->entries + chunk->end,
            chunk->entries);
  chunk->end = chunk->size();
  chunk->sorted = static_cast<uint16_t>(std::max(chunk->sorted, chunk->begin) -
                                        chunk->begin);
  chunk->begin = 0;
  chunk->take(*last);
  timer_chain::unlink(last);
  free_chunk(last);
  return chunk;
}

timer_entry* timer_pool::first_live(timer_chain& chain) {
  while (!chain.empty()) {
    timer_chunk* chunk = chain.first();
    for (; chunk->begin < chunk->end; ++chunk->begin) {
      timer_entry& entry = chunk->entries[chunk->begin];
      if (!cancelled(entry.id)) return &entry;
      cancelled_[entry.id] = 0;
      --stale_;
      free_id(entry.id);
    }
    timer_chain::unlink(chunk);
    free_chunk(chunk);
  }
  return nullptr;
}

// Drops what is cancelled in `from`, which is in a chain, fills up its
// predecessor with what is left, and frees `from` if that is all.
void timer_pool::sweep(timer_chunk* from) {
  // Without branches on the marks, which nobody could predict: what is gone is
  // overwritten by what follows it, and its id by the next one to be freed.
  // There is room for one more: this entry's own id is not free. Field by
  // field, see timer_chunk::add().
  uint8_t* const marks = cancelled_.data();
  uint32_t* free_ids = free_ids_;
  // A chain's head counts as full, so the first chunk stays where it is.
  auto* const before = static_cast<timer_chunk*>(from->prev);
  timer_entry* const room = before->entries + before->end;
  timer_entry* const full = before->entries + timer_chunk::kCapacity;
  timer_entry* kept = room == full ? from->entries : room;
  const timer_entry* const end = from->entries + from->end;
  for (const timer_entry* entry = from->entries + from->begin; entry != end;
       ++entry) {
    const uint32_t id = entry->id;
    const size_t gone = marks[id];
    marks[id] = 0;
    kept->key = entry->key;
    kept->hook = entry->hook;
    kept->id = id;
    kept += 1 - gone;
    kept = kept == full ? from->entries : kept;
    *free_ids = id;
    free_ids += gone;
  }
  const auto gone = static_cast<size_t>(free_ids - free_ids_);
  free_ids_ = free_ids;
  stale_ -= gone;
  const size_t left = from->size() - gone;
  const size_t moved = std::min(static_cast<size_t>(full - room), left);
  before->end = static_cast<uint16_t>(before->end + moved);
  // If only a part was in order, some of it may have gone: forget about it.
  const bool sorted = from->sorted == from->end;
  from->begin = 0;
  from->end = static_cast<uint16_t>(left - moved);
  from->sorted = sorted ? from->end : from->begin;
  if (from->end != 0) return;
  timer_chain::unlink(from);
  free_chunk(from);
}

void timer_pool::look() {
  stale_ += kLook;
  until_look_ = kLook;
  // As often as it would be if it were asked each time, or less often.
  for (uint32_t n = 0; n < kLook && too_much_is_stale(); ++n) sweep_next();
}

// Chunks are swept round and round by their numbers, wherever they are in use.
//
// Two per call keep the bound that timer_wheel promises. A round begins with no
// more stale entries than live ones, and takes half as many calls as there are
// chunks. But for a few on the way of the base, chunks that follow each other
// in a chain hold more than one of them could, so that they are half full on
// average: a round takes a fortieth as many calls as there are entries, and
// only as many as there are calls can be stale behind it.
void timer_pool::sweep_next() {
  size_t chunks = kSweepChunks;
  for (size_t words = kSweepWords; words > 0 && chunks > 0; --words) {
    if (sweep_at_ / 64 >= used_chunks_.size()) sweep_at_ = 0;
    uint64_t used = used_chunks_[sweep_at_ / 64] >> (sweep_at_ % 64);
    for (; used != 0 && chunks > 0; --chunks) {
      const auto skipped = static_cast<size_t>(absl::countr_zero(used));
      sweep_at_ += skipped;
      timer_chunk* next = chunk(sweep_at_++);
      if (next->begin != next->end) sweep(next);
      if (sweep_at_ % 64 == 0) break;  // It may be the shift by 64.
      used = used_chunks_[sweep_at_ / 64] >> (sweep_at_ % 64);
    }
    if (used == 0) sweep_at_ = (sweep_at_ / 64 + 1) * 64;
  }
}

void timer_pool::detach_all() {
  for (timer_chunk* page : chunk_pages_) {
    for (timer_chunk* at = page; at != page + kChunksPerPage; ++at) {
      for (size_t i = at->begin; i < at->end; ++i) {
        const timer_entry& entry = at->entries[i];
        if (!cancelled(entry.id)) entry.hook->id = 0;
      }
    }
  }
}

void timer_pool::add_ids() noexcept {
  // None is free: all that there are were handed out.
  size_t total = static_cast<size_t>(ids_end_ - ids_.get());
  if (total == capacity_ids_) {
    // The stack is empty: there is nothing to copy.
    capacity_ids_ = std::max(2 * capacity_ids_, kIdsPerGroup);
    ids_.reset();
    ids_.reset(new uint32_t[capacity_ids_]);
    cancelled_.resize(capacity_ids_ + 1);  // There is no id 0.
  }
  total += kIdsPerGroup;
  for (size_t i = 0; i < kIdsPerGroup; ++i) {
    ids_[i] = static_cast<uint32_t>(total - i);
  }
  free_ids_ = ids_.get() + kIdsPerGroup;
  ids_end_ = ids_.get() + total;
}

void timer_pool::add_chunks() noexcept {
  const size_t first = chunk_pages_.size() * kChunksPerPage;
  used_chunks_.resize((first + kChunksPerPage + 63) / 64);
  auto* chunks = static_cast<timer_chunk*>(new_page());
  chunk_pages_.push_back(chunks);
  for (size_t i = kChunksPerPage; i-- > 0;) {
    put_chunk(new (chunks + i) timer_chunk(first + i));
  }
}

void* timer_pool::new_page() {
  if (regions_.empty() || region_used_ == regions_.back().bytes) {
    const size_t bytes = regions_.empty() ? kFirstRegionBytes
                                          : std::min(2 * regions_.back().bytes,
                                                     kLastRegionBytes);
    regions_.reserve(regions_.size() + 1);
    void* data = ::operator new(bytes, alignment(bytes));
#ifdef MADV_HUGEPAGE
    // A wheel of this size is read all over: spare it the TLB misses.
    if (bytes == kLastRegionBytes) madvise(data, bytes, MADV_HUGEPAGE);
#endif
    regions_.push_back({data, bytes});
    bytes_ += bytes;
    region_used_ = 0;
  }
  void* page = static_cast<unsigned char*>(regions_.back().data) + region_used_;
  region_used_ += kPageBytes;
  return page;
}

}  // namespace internal
}  // namespace ratchet
