#include "ratchet/timer_wheel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ratchet {

using internal::timer_cell;
using internal::timer_chain;
using internal::timer_chunk;
using internal::timer_entry;
using internal::timer_link;

namespace {

// Sweeping begins when there are this many more cancelled timers than live
// ones, and each cancellation pays for so many chunks.
constexpr size_t kStaleSlack = 256;
constexpr size_t kSweepChunks = 1;

bool by_key(const timer_entry& a, const timer_entry& b) {
  return a.key < b.key;
}

}  // namespace

timer_wheel::timer_wheel(tick now)
    : now_(now), pool_(this), armed_(pool_, to_key(now)) {}

timer_wheel::~timer_wheel() { pool_.detach_all(); }

void timer_wheel::schedule(timer& t, tick deadline) {
  if (t.scheduled()) internal::timer_pool::owner(t.cell)->remove(t);
  const timer_entry entry = {to_key(deadline), pool_.new_cell(&t)};
  t.cell = entry.cell;
  ++pool_.live;
  if (deadline > now_) {
    armed_.insert(entry);
    return;
  }
  if (late_.empty()) {
    late_sorted_ = true;
    late_key_ = entry.key;
  }
  late_sorted_ = late_sorted_ && late_key_ <= entry.key;
  late_key_ = entry.key;
  pool_.append(late_, entry);
}

bool timer_wheel::cancel(timer& t) {
  if (!t.scheduled() || internal::timer_pool::owner(t.cell) != this) {
    return false;
  }
  remove(t);
  return true;
}

void timer_wheel::remove(timer& t) {
  t.cell->word = 0;
  t.cell = nullptr;
  --pool_.live;
  ++pool_.stale;
  if (pool_.stale > pool_.live + kStaleSlack) pool_.sweep_next(kSweepChunks);
}

void timer_wheel::advance(tick to) {
  if (!late_.empty()) {
    sort_late();
    due_.splice(late_);
  }
  if (to <= now_) return;
  armed_.advance(to_key(to), due_);
  now_ = to;
}

timer_wheel::timer* timer_wheel::pop_due() {
  timer_entry* entry = pool_.first_live(due_);
  if (entry == nullptr) return nullptr;
  auto* t = static_cast<timer*>(entry->cell->hook());
  ++due_.first()->begin;
  pool_.free_cell(entry->cell);
  --pool_.live;
  t->cell = nullptr;
  return t;
}

bool timer_wheel::has_due() const { return pool_.first_live(due_) != nullptr; }

std::optional<timer_wheel::tick> timer_wheel::next_deadline() const {
  const timer_entry* first = nullptr;
  if (!late_.empty()) {
    sort_late();
    first = pool_.first_live(late_);
  }
  if (first == nullptr) first = armed_.first();
  if (first == nullptr) return std::nullopt;
  return to_tick(first->key);
}

// Almost always nothing is to be done: deadlines that are now(), or that passed
// in order.
void timer_wheel::sort_late() const {
  if (late_sorted_) return;
  scratch_.clear();
  for (timer_link* link = late_.next; link != &late_; link = link->next) {
    auto* chunk = static_cast<timer_chunk*>(link);
    scratch_.insert(scratch_.end(), chunk->entries + chunk->begin,
                    chunk->entries + chunk->end);
  }
  std::stable_sort(scratch_.begin(), scratch_.end(), by_key);
  auto from = scratch_.begin();
  for (timer_link* link = late_.next; link != &late_; link = link->next) {
    auto* chunk = static_cast<timer_chunk*>(link);
    std::copy(from, from + chunk->size(), chunk->entries + chunk->begin);
    from += chunk->size();
    chunk->sorted = chunk->end;
  }
  late_sorted_ = true;
  if (!scratch_.empty()) late_key_ = scratch_.back().key;
}

timer_wheel::statistics timer_wheel::stats() const {
  return {pool_.live, pool_.stale, pool_.chunks_in_use, pool_.bytes()};
}

absl::Status timer_wheel::check_invariants() const {
  size_t live = 0;
  size_t stale = 0;
  absl::Status status = armed_.check(live, stale);
  if (status.ok()) status = internal::check_chain(late_, live, stale);
  if (status.ok()) status = internal::check_chain(due_, live, stale);
  if (!status.ok()) return status;
  if (live != pool_.live || stale != pool_.stale) {
    return absl::InternalError(absl::StrCat("counted ", live, " live and ",
                                            stale, " stale, not ", pool_.live,
                                            " and ", pool_.stale));
  }
  const size_t used = pool_.cell_count() - pool_.free_cell_count();
  if (used != live + stale) {
    return absl::InternalError(
        absl::StrCat(used, " cells for ", live + stale, " entries"));
  }
  if (armed_.base() != to_key(now_)) return absl::InternalError("base");
  return absl::OkStatus();
}

}  // namespace ratchet
