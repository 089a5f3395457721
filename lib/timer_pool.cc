#include "ratchet/internal/timer_pool.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

namespace ratchet {
namespace internal {
namespace {

// A page holds cells, chunks or nodes. Pages are aligned to their size, which
// is how a cell finds its wheel: a timer need not store it.
constexpr size_t kPageBytes = 16 * 1024;

// Pages come from regions that double from the first to the last size, so that
// a small wheel is small and a large one asks for memory rarely.
constexpr size_t kFirstRegionBytes = 4 * kPageBytes;
constexpr size_t kLastRegionBytes = 2 * 1024 * 1024;

constexpr size_t kCellsPerPage = kPageBytes / sizeof(timer_cell) - 1;
constexpr size_t kChunksPerPage = kPageBytes / sizeof(timer_chunk);
constexpr size_t kNodesPerPage = kPageBytes / sizeof(timer_node);

}  // namespace

struct timer_pool::cell_page {
  timer_wheel* owner;
  timer_cell cells[kCellsPerPage];
};

void timer_chunk::sort() {
  for (uint16_t i = std::max(sorted, begin); i < end; ++i) {
    const timer_entry entry = entries[i];
    uint16_t at = i;
    for (; at > begin && entries[at - 1].key > entry.key; --at) {
      entries[at] = entries[at - 1];
    }
    entries[at] = entry;
  }
  sorted = end;
}

void timer_chain::push(timer_chunk* chunk) {
  chunk->prev = prev;
  chunk->next = this;
  prev->next = chunk;
  prev = chunk;
}

void timer_chain::splice(timer_chain& other) {
  if (other.empty()) return;
  other.next->prev = prev;
  other.prev->next = this;
  prev->next = other.next;
  prev = other.prev;
  other.next = other.prev = &other;
}

void timer_chain::unlink(timer_chunk* chunk) {
  chunk->prev->next = chunk->next;
  chunk->next->prev = chunk->prev;
}

timer_pool::~timer_pool() {
  for (const region& r : regions_) {
    ::operator delete (r.data, std::align_val_t{kPageBytes});
  }
}

timer_node* timer_pool::new_node() {
  if (free_nodes_ == nullptr) {
    auto* nodes = static_cast<timer_node*>(new_page());
    for (size_t i = kNodesPerPage; i-- > 0;) {
      timer_node* node = new (nodes + i) timer_node;
      node->next = free_nodes_;
      free_nodes_ = node;
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
  std::copy(last->entries + last->begin, last->entries + last->end,
            chunk->entries + chunk->end);
  chunk->end = static_cast<uint16_t>(chunk->end + last->size());
  timer_chain::unlink(last);
  free_chunk(last);
  return chunk;
}

timer_entry* timer_pool::first_live(timer_chain& chain) {
  while (!chain.empty()) {
    timer_chunk* chunk = chain.first();
    for (; chunk->begin < chunk->end; ++chunk->begin) {
      timer_entry& entry = chunk->entries[chunk->begin];
      if (!entry.cell->cancelled()) return &entry;
      free_cell(entry.cell);
      --stale;
    }
    timer_chain::unlink(chunk);
    free_chunk(chunk);
  }
  return nullptr;
}

void timer_pool::sweep(timer_chunk* chunk) {
  uint16_t kept = chunk->begin;
  uint16_t sorted = chunk->begin;
  for (uint16_t i = chunk->begin; i < chunk->end; ++i) {
    if (i == chunk->sorted) sorted = kept;
    const timer_entry entry = chunk->entries[i];
    if (entry.cell->cancelled()) {
      free_cell(entry.cell);
      --stale;
      continue;
    }
    chunk->entries[kept++] = entry;
  }
  chunk->sorted = chunk->sorted >= chunk->end ? kept : sorted;
  chunk->end = kept;

  if (chunk->size() > 0) {
    // A chain's head counts as full, so the first chunk stays where it is.
    timer_link* before = chunk->prev;
    if (before->end + chunk->size() > timer_chunk::kCapacity) return;
    auto* into = static_cast<timer_chunk*>(before);
    std::copy(chunk->entries + chunk->begin, chunk->entries + chunk->end,
              into->entries + into->end);
    into->end = static_cast<uint16_t>(into->end + chunk->size());
  }
  timer_chain::unlink(chunk);
  free_chunk(chunk);
}

void timer_pool::sweep_next(size_t count) {
  for (; count > 0; --count) {
    if (sweep_chunk_ == kChunksPerPage) {
      sweep_chunk_ = 0;
      ++sweep_page_;
    }
    if (sweep_page_ >= chunk_pages_.size()) sweep_page_ = 0;
    timer_chunk* chunk = chunk_pages_[sweep_page_] + sweep_chunk_++;
    if (chunk->begin != chunk->end) sweep(chunk);
  }
}

timer_wheel* timer_pool::owner(const timer_cell* cell) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(cell);
  return reinterpret_cast<const cell_page*>(at & ~(kPageBytes - 1))->owner;
}

void timer_pool::detach_all() {
  for (cell_page* page : cell_pages_) {
    for (timer_cell& cell : page->cells) {
      if (!cell.free() && !cell.cancelled()) cell.hook()->cell = nullptr;
    }
  }
}

size_t timer_pool::cell_count() const {
  return cell_pages_.size() * kCellsPerPage;
}

size_t timer_pool::free_cell_count() const {
  size_t count = 0;
  for (const cell_page* page : cell_pages_) {
    for (const timer_cell& cell : page->cells) count += cell.free();
  }
  return count;
}

void timer_pool::add_cells() {
  auto* page = static_cast<cell_page*>(new_page());
  page->owner = owner_;
  cell_pages_.push_back(page);
  for (size_t i = kCellsPerPage; i-- > 0;) free_cell(&page->cells[i]);
}

void timer_pool::add_chunks() {
  auto* chunks = static_cast<timer_chunk*>(new_page());
  chunk_pages_.push_back(chunks);
  chunks_in_use += kChunksPerPage;
  for (size_t i = kChunksPerPage; i-- > 0;)
    free_chunk(new (chunks + i) timer_chunk);
}

void* timer_pool::new_page() {
  if (regions_.empty() || region_used_ == regions_.back().bytes) {
    const size_t bytes = regions_.empty() ? kFirstRegionBytes
                                          : std::min(2 * regions_.back().bytes,
                                                     kLastRegionBytes);
    regions_.reserve(regions_.size() + 1);
    regions_.push_back(
        {::operator new (bytes, std::align_val_t{kPageBytes}), bytes});
    bytes_ += bytes;
    region_used_ = 0;
  }
  void* page = static_cast<unsigned char*>(regions_.back().data) + region_used_;
  region_used_ += kPageBytes;
  return page;
}

}  // namespace internal
}  // namespace ratchet
