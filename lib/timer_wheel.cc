#include "ratchet/timer_wheel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ratchet {

using internal::timer_chunk;
using internal::timer_entry;
using internal::timer_hook;
using internal::timer_link;

timer_wheel::timer_wheel(tick now) : now_(now), armed_(pool_, to_key(now)) {}

timer_wheel::~timer_wheel() { pool_.detach_all(); }

// What is rare is left by tail calls, so that the rest is without a stack
// frame: that is a fifth of its instructions.
void timer_wheel::schedule(timer& t, tick deadline) {
  if (t.id != 0) {
    if (ABSL_PREDICT_FALSE(t.wheel_ != this)) return take_over(t, deadline);
    return rearm(t, deadline);
  }
  t.wheel_ = this;
  return arm(t, deadline);
}

void timer_wheel::schedule(timer_hook& t, tick deadline) {
  return t.id != 0 ? rearm(t, deadline) : arm(t, deadline);
}

inline void timer_wheel::arm(timer_hook& t, tick deadline) {
  if (ABSL_PREDICT_FALSE(!pool_.has_id())) return arm_more(t, deadline);
  const uint32_t id = pool_.new_id();
  t.id = id;
  if (ABSL_PREDICT_FALSE(deadline <= now_)) {
    return schedule_late(to_key(deadline), &t, id);
  }
  return armed_.insert(to_key(deadline), &t, id);
}

void timer_wheel::rearm(timer_hook& t, tick deadline) {
  if (ABSL_PREDICT_FALSE(pool_.mark(t.id))) return look_and_arm(t, deadline);
  return arm(t, deadline);
}

void timer_wheel::take_over(timer& t, tick deadline) {
  t.wheel_->cancel(t);
  schedule(t, deadline);
}

void timer_wheel::look_and_arm(timer_hook& t, tick deadline) {
  pool_.look();
  arm(t, deadline);
}

void timer_wheel::arm_more(timer_hook& t, tick deadline) {
  pool_.add_ids();
  arm(t, deadline);
}

void timer_wheel::schedule_late(uint64_t key, timer_hook* t, uint32_t id) {
  if (late_.empty()) {
    late_sorted_ = true;
  } else if (key < late_key_) {
    late_sorted_ = false;
  }
  late_key_ = key;
  pool_.append(late_, {key, t, id});
}

void timer_wheel::advance_slow(tick to) {
  if (!late_.empty()) {
    sort_late();
    due_.splice(late_);
  }
  if (to <= now_) return;
  now_ = to;
  if (armed_.earliest() <= to_key(to)) armed_.advance(to_key(to), due_);
}

timer_hook* timer_wheel::pop_some() {
  timer_entry* entry = pool_.first_live(due_);
  if (entry == nullptr) return nullptr;
  timer_hook* t = entry->hook;
  pool_.free_id(entry->id);
  timer_chunk* const chunk = due_.first();
  ++chunk->begin;
  // Its owner, a few turns ahead: a task is two cache lines, the hook in the
  // first one.
  if (chunk->begin + 6 < chunk->end) {
    const char* ahead =
        reinterpret_cast<const char*>(chunk->entries[chunk->begin + 6].hook);
    __builtin_prefetch(ahead, 1);
    __builtin_prefetch(ahead + 48, 1);
  }
  t->id = 0;
  pool_.sweep_some();  // There is one live timer less.
  return t;
}

bool timer_wheel::has_due() const { return pool_.first_live(due_) != nullptr; }

size_t timer_wheel::count_due() const {
  size_t count = 0;
  for (timer_link* link = due_.next; link != &due_; link = link->next) {
    auto* chunk = static_cast<timer_chunk*>(link);
    for (size_t i = chunk->begin; i < chunk->end; ++i) {
      if (!pool_.cancelled(chunk->entries[i].id)) ++count;
    }
  }
  return count;
}

const timer_entry* timer_wheel::first_armed() const {
  if (!late_.empty()) {
    sort_late();
    const timer_entry* first = pool_.first_live(late_);
    if (first != nullptr) return first;
  }
  return armed_.first();
}

// Almost always nothing is to be done: deadlines that are now(), or that passed
// in order. Not std::stable_sort, which allocates.
void timer_wheel::sort_late() const {
  if (late_sorted_) return;
  scratch_.clear();
  for (timer_link* link = late_.next; link != &late_; link = link->next) {
    auto* chunk = static_cast<timer_chunk*>(link);
    for (size_t i = chunk->begin; i < chunk->end; ++i) {
      scratch_.push_back({chunk->entries[i], scratch_.size()});
    }
  }
  std::sort(scratch_.begin(), scratch_.end(),
            [](const late_entry& a, const late_entry& b) {
              return std::tie(a.entry.key, a.order) <
                     std::tie(b.entry.key, b.order);
            });
  auto from = scratch_.begin();
  for (timer_link* link = late_.next; link != &late_; link = link->next) {
    auto* chunk = static_cast<timer_chunk*>(link);
    for (size_t i = chunk->begin; i < chunk->end; ++i) {
      chunk->entries[i] = (from++)->entry;
    }
    chunk->sorted = chunk->end;
  }
  late_sorted_ = true;
  if (!scratch_.empty()) late_key_ = scratch_.back().entry.key;
}

timer_wheel::statistics timer_wheel::stats() const {
  return {pool_.live(), pool_.stale(), pool_.chunks_in_use(), pool_.bytes()};
}

absl::Status timer_wheel::check_invariants() const {
  size_t live = 0;
  size_t stale = 0;
  absl::Status status = armed_.check(live, stale);
  if (status.ok()) status = internal::check_chain(pool_, late_, live, stale);
  if (status.ok()) status = internal::check_chain(pool_, due_, live, stale);
  if (!status.ok()) return status;
  if (live != pool_.live() || stale != pool_.stale()) {
    return absl::InternalError(absl::StrCat("counted ", live, " live and ",
                                            stale, " stale, not ", pool_.live(),
                                            " and ", pool_.stale()));
  }
  if (pool_.used_ids() != live + stale) {
    return absl::InternalError(
        absl::StrCat(pool_.used_ids(), " ids for ", live + stale, " entries"));
  }
  if (armed_.base() > to_key(now_)) return absl::InternalError("base");
  return absl::OkStatus();
}

}  // namespace ratchet
