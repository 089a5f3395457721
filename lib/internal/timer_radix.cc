#include "ratchet/internal/timer_radix.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/numeric/bits.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ratchet {
namespace internal {
namespace {

size_t lowest_bit(uint64_t bits) {
  return static_cast<size_t>(absl::countr_zero(bits));
}

void prefetch_chunk(const timer_link* link) {
  const char* at = reinterpret_cast<const char*>(link);
  for (size_t i = 0; i < sizeof(timer_chunk); i += 64) {
    __builtin_prefetch(at + i);
  }
}

// The bits below `slot`, which may be 64.
uint64_t bits_below(size_t slot) {
  return slot == 64 ? ~uint64_t{0} : (uint64_t{1} << slot) - 1;
}

}  // namespace

timer_radix::timer_radix(timer_pool& pool, uint64_t base)
    : pool_(pool), base_(base) {
  set_floor(kLevels - 1);
  levels_[floor_] = pool_.new_node();
}

void timer_radix::insert_slow(int level, uint64_t key, timer_hook* hook,
                              uint32_t id) {
  timer_node* node = levels_[level];
  size_t slot = digit(key, level);
  while ((node->expanded >> slot & 1) != 0) {
    node = node->child(slot);
    --level;
    slot = digit(key, level);
  }
  timer_chain& chain = node->slots[slot];
  node->occupied |= uint64_t{1} << slot;
  if (chain.prev->end != timer_chunk::kCapacity) {
    chain.last()->add(key, hook, id);
    return;
  }
  pool_.push_chunk(chain)->add(key, hook, id);
  if (chain.pushed >= kBurstChunks && level > 0) burst(node, slot, level);
}

// Expands a chain to which many chunks were added, if it still has as many and
// that divides it.
void timer_radix::burst(timer_node* node, size_t slot, int level) {
  timer_chain& chain = node->slots[slot];
  const bool current =
      level == floor_ && slot == digit(base_, level) && node == levels_[level];
  if (level > kBurstLevel && !current) return;
  // Chunks may have been swept away. If so, it is counted again when it may
  // have grown to one and a half times the limit, and not with each push.
  const size_t count = chain.count_chunks(kBurstChunks);
  chain.pushed = static_cast<uint16_t>(count / 2);
  if (count < kBurstChunks) return;
  // The first and the last chunk speak for the others: many timers with one
  // deadline are better left where they are, for nothing would divide them.
  const uint64_t key = chain.first()->entries[chain.first()->begin].key;
  const timer_chunk* last = chain.last()->prev == &chain
                                ? chain.last()
                                : static_cast<timer_chunk*>(chain.prev->prev);
  uint64_t difference = 0;
  for (size_t i = last->begin; i < last->end; ++i) {
    difference |= last->entries[i].key ^ key;
  }
  if (difference == 0) return;
  expand(node, slot, level);
  while (enter()) {
  }
}

// Makes a node of the chain in slots[slot] of `node`, which is at `level` > 0.
void timer_radix::expand(timer_node* node, size_t slot, int level) {
  timer_chain chain;
  chain.splice(node->slots[slot]);

  // Down to the level in which the keys begin to differ there is but one slot
  // in use per node: those nodes are made without touching an entry.
  const uint64_t key = chain.first()->entries[chain.first()->begin].key;
  uint64_t difference = 0;
  for (timer_link* link = chain.next;
       link != &chain && (difference >> ((level - 1) * kBits)) == 0;
       link = link->next) {
    auto* chunk = static_cast<timer_chunk*>(link);
    for (uint16_t i = chunk->begin; i < chunk->end; ++i) {
      difference |= chunk->entries[i].key ^ key;
    }
  }
  const int target = difference == 0 ? 0 : level_of(difference);
  timer_node* child;
  do {
    child = pool_.new_node();
    node->slots[slot].next = child;
    node->expanded |= uint64_t{1} << slot;
    node->occupied |= uint64_t{1} << slot;
    node = child;
    --level;
    slot = digit(key, level);
  } while (level > target);

  if (difference == 0) {
    child->slots[slot].splice(chain);
    child->occupied |= uint64_t{1} << slot;
    return;
  }
  distribute(chain, child, level);
}

// Moves all of `chain` to the slots of `node`, which is empty and at `level`.
void timer_radix::distribute(timer_chain& chain, timer_node* node, int level) {
  // What is divided this finely fires soon, and in an order that no prefetcher
  // knows: ask for the timers now.
  const bool soon = chain.pushed < kSoonChunks;
  uint64_t occupied = 0;
  for (timer_link *link = chain.next, *next; link != &chain; link = next) {
    next = link->next;
    auto* chunk = static_cast<timer_chunk*>(link);
    prefetch_chunk(next->next);
    for (size_t i = chunk->begin; i < chunk->end; ++i) {
      const timer_entry& entry = chunk->entries[i];
      if (soon) pool_.prefetch(entry);
      const size_t slot = digit(entry.key, level);
      occupied |= uint64_t{1} << slot;
      pool_.append(node->slots[slot], entry);
    }
    pool_.free_chunk(chunk);
  }
  node->occupied = occupied;
  chain.reset();
}

// Makes a slot as it was before it was used.
void timer_radix::vacate(timer_node* node, size_t slot) {
  node->slots[slot].reset();
  node->expanded &= ~(uint64_t{1} << slot);
  node->occupied &= ~(uint64_t{1} << slot);
}

// Takes back the empty node that slots[slot] of `node` was expanded to.
void timer_radix::collapse(timer_node* node, size_t slot) {
  pool_.free_node(node->child(slot));
  vacate(node, slot);
}

// If the current slot is expanded, goes down into it. Returns whether it did.
bool timer_radix::enter() {
  timer_node* node = levels_[floor_];
  const size_t slot = digit(base_, floor_);
  if ((node->expanded >> slot & 1) == 0) return false;
  set_floor(floor_ - 1);
  levels_[floor_] = node->child(slot);
  vacate(node, slot);
  return true;
}

const timer_entry* timer_radix::first() {
  for (int level = floor_; level < kLevels;) {
    timer_node* node = levels_[level];
    if (node->occupied == 0) {
      ++level;
      continue;
    }
    const timer_entry* entry =
        first_in(node, lowest_bit(node->occupied), level);
    // What was the current slot may have been expanded.
    while (enter()) {
    }
    if (entry != nullptr) {
      earliest_ = entry->key;
      return entry;
    }
  }
  earliest_ = ~uint64_t{0};
  return nullptr;
}

// The first entry in an occupied slot; if there is none, leaves it empty.
const timer_entry* timer_radix::first_in(timer_node* node, size_t slot,
                                         int level) {
  timer_chain& chain = node->slots[slot];
  if ((node->expanded >> slot & 1) == 0) {
    timer_chunk* chunk = pool_.single(chain);
    if (level == 0 || chunk != nullptr || chain.empty()) {
      if (chunk != nullptr) chunk->sort();
      const timer_entry* entry = pool_.first_live(chain);
      if (entry == nullptr) vacate(node, slot);
      return entry;
    }
    expand(node, slot, level);
  }
  timer_node* child = node->child(slot);
  while (child->occupied != 0) {
    const timer_entry* entry =
        first_in(child, lowest_bit(child->occupied), level - 1);
    if (entry != nullptr) return entry;
  }
  collapse(node, slot);
  return nullptr;
}

void timer_radix::advance(uint64_t to, timer_chain& due) {
  assert(to > base_);
  // All below the highest digit that changes is due.
  const int top = level_of(base_ ^ to);
  for (int level = floor_; level < top; ++level) {
    drain_before(levels_[level], timer_node::kSlots, level, due);
    pool_.free_node(levels_[level]);
    levels_[level] = nullptr;
  }
  if (top > floor_) set_floor(top);
  base_ = to;
  do {
    drain_before(levels_[floor_], digit(to, floor_), floor_, due);
    drain_current(to, due);
  } while (enter());
  earliest_ = lower_bound();
}

// A key that none is less than, found without moving anything: the current slot
// was just put in order, and of another one it is the first of its keys.
uint64_t timer_radix::lower_bound() const {
  for (int level = floor_; level < kLevels; ++level) {
    const timer_node* node = levels_[level];
    if (node->occupied == 0) continue;
    const size_t slot = lowest_bit(node->occupied);
    if (level == floor_ && slot == digit(base_, level)) {
      const timer_chunk* chunk = node->slots[slot].first();
      return chunk->entries[chunk->begin].key;
    }
    const int shift = (level + 1) * kBits;
    const uint64_t prefix = shift >= 64 ? 0 : base_ >> shift << shift;
    return prefix | uint64_t{slot} << (level * kBits);
  }
  return ~uint64_t{0};
}

// Takes what is due from the current slot, or expands it.
void timer_radix::drain_current(uint64_t to, timer_chain& due) {
  timer_node* node = levels_[floor_];
  const size_t slot = digit(to, floor_);
  if ((node->occupied >> slot & 1) == 0 || (node->expanded >> slot & 1) != 0) {
    return;
  }
  timer_chain& chain = node->slots[slot];
  if (floor_ == 0) {  // All have the key `to`.
    due.splice(chain);
    vacate(node, slot);
    return;
  }
  timer_chunk* chunk = pool_.single(chain);
  if (chunk == nullptr) {
    if (!chain.empty()) {
      expand(node, slot, floor_);
    } else {
      vacate(node, slot);
    }
    return;
  }
  chunk->sort();
  for (; chunk->begin < chunk->end; ++chunk->begin) {
    const timer_entry& entry = chunk->entries[chunk->begin];
    if (entry.key > to) return;
    pool_.append(due, entry);
  }
  vacate(node, slot);
  pool_.free_chunk(chunk);
}

// Moves all of the slots before `slot` to `due`.
void timer_radix::drain_before(timer_node* node, size_t slot, int level,
                               timer_chain& due) {
  while ((node->occupied & bits_below(slot)) != 0) {
    drain(node, lowest_bit(node->occupied), level, due);
  }
}

// Moves all of an occupied slot to `due`.
void timer_radix::drain(timer_node* node, size_t slot, int level,
                        timer_chain& due) {
  timer_chain& chain = node->slots[slot];
  if ((node->expanded >> slot & 1) == 0) {
    timer_chunk* chunk = pool_.single(chain);
    if (level == 0 || chunk != nullptr || chain.empty()) {
      if (chunk != nullptr) chunk->sort();
      if (chunk == nullptr ||
          due.prev->end + chunk->size() > timer_chunk::kCapacity) {
        due.splice(chain);
      } else {  // Not into a chunk of its own, which may be far away.
        due.last()->take(*chunk);
        pool_.free_chunk(chunk);
      }
      vacate(node, slot);
      return;
    }
    expand(node, slot, level);
  }
  drain_before(node->child(slot), timer_node::kSlots, level - 1, due);
  collapse(node, slot);
}

absl::Status timer_radix::check(size_t& live, size_t& stale) const {
  for (int level = 0; level < kLevels; ++level) {
    const timer_node* node = levels_[level];
    if ((node != nullptr) != (level >= floor_)) {
      return absl::InternalError(absl::StrCat("level ", level, ": floor"));
    }
    if (node == nullptr) continue;
    const size_t current = digit(base_, level);
    const uint64_t before = bits_below(current + (level > floor_));
    if ((node->occupied & before) != 0) {
      return absl::InternalError(absl::StrCat("level ", level, ": behind"));
    }
    if (level == floor_ && (node->expanded >> current & 1) != 0) {
      return absl::InternalError("current slot expanded");
    }
    const int shift = (level + 1) * kBits;
    const uint64_t prefix = shift >= 64 ? 0 : base_ >> shift << shift;
    absl::Status status = check_node(node, level, prefix, live, stale);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status timer_radix::check_node(const timer_node* node, int level,
                                     uint64_t prefix, size_t& live,
                                     size_t& stale) const {
  for (size_t i = 0; i < timer_node::kSlots; ++i) {
    const timer_chain& chain = node->slots[i];
    const bool occupied = (node->occupied >> i & 1) != 0;
    const std::string where = absl::StrCat("level ", level, " slot ", i, ": ");
    if ((node->expanded >> i & 1) != 0) {
      if (!occupied || level == 0 || chain.prev != &chain) {
        return absl::InternalError(absl::StrCat(where, "expanded"));
      }
      absl::Status status =
          check_node(node->child(i), level - 1,
                     prefix | uint64_t{i} << (level * kBits), live, stale);
      if (!status.ok()) return status;
      continue;
    }
    if (!occupied && !chain.empty()) {
      return absl::InternalError(absl::StrCat(where, "not occupied"));
    }
    absl::Status status = check_chain(pool_, chain, live, stale);
    if (!status.ok()) return status;
    for (const timer_link* link = chain.next; link != &chain;
         link = link->next) {
      auto* chunk = static_cast<const timer_chunk*>(link);
      for (size_t e = chunk->begin; e < chunk->end; ++e) {
        const uint64_t key = chunk->entries[e].key;
        if (key <= base_ ||
            (key < earliest_ && !pool_.cancelled(chunk->entries[e].id))) {
          return absl::InternalError(absl::StrCat(where, "overdue"));
        }
        if ((key ^ prefix) >> (level * kBits) != i) {
          return absl::InternalError(absl::StrCat(where, "misplaced"));
        }
      }
    }
  }
  return absl::OkStatus();
}

absl::Status check_chain(const timer_pool& pool, const timer_chain& chain,
                         size_t& live, size_t& stale) {
  const timer_link* previous = &chain;
  for (const timer_link* link = chain.next; link != &chain;
       previous = link, link = link->next) {
    if (link->prev != previous) return absl::InternalError("chain: links");
    auto* chunk = static_cast<const timer_chunk*>(link);
    if (chunk->begin > chunk->end || chunk->end > timer_chunk::kCapacity ||
        chunk->sorted > chunk->end) {
      return absl::InternalError("chunk: bounds");
    }
    for (size_t i = chunk->begin; i < chunk->end; ++i) {
      const timer_entry& entry = chunk->entries[i];
      if (pool.cancelled(entry.id)) {
        ++stale;
      } else if (entry.hook->id == entry.id) {
        ++live;
      } else {
        return absl::InternalError("entry: not its timer's");
      }
      if (i > chunk->begin && i < chunk->sorted &&
          chunk->entries[i - 1].key > entry.key) {
        return absl::InternalError("chunk: order");
      }
    }
  }
  if (chain.prev != previous) return absl::InternalError("chain: end");
  return absl::OkStatus();
}

}  // namespace internal
}  // namespace ratchet
