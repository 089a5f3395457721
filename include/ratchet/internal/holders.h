#ifndef RATCHET_INTERNAL_HOLDERS_H_
#define RATCHET_INTERNAL_HOLDERS_H_

// Included by sync/held.h: how a lock that is destroyed tells its guards.

#include <utility>

namespace ratchet::internal {

class holders;

// holder: the part of a guard that its lock knows.
class holder {
 public:
  holder() = default;
  explicit holder(holders& list) { join(list); }
  holder(holder&& other) noexcept { take_place_of(other); }
  holder& operator=(holder&& other) noexcept {
    if (this != &other) {
      leave();
      take_place_of(other);
    }
    return *this;
  }
  ~holder() { leave(); }

  // Whether the lock is still there, and this has not left it.
  bool holds() const { return list_ != nullptr; }
  inline void leave();

 private:
  friend class holders;
  inline void join(holders& list);
  void take_place_of(holder& other) {
    if (other.list_ == nullptr) return;
    join(*other.list_);
    other.leave();
  }

  holders* list_ = nullptr;
  holder* previous_ = nullptr;
  holder* next_ = nullptr;
};

// holders: the guards of a lock; a part of it. They may be destroyed after the
// lock, for example as members of tasks that end with the loop, and then have
// nothing to release.
class holders {
 public:
  holders() = default;
  // Guards stay with the lock that they hold, which therefore must not move.
  holders(holders&& other) noexcept { static_cast<void>(other); }
  holders& operator=(holders&&) = delete;
  ~holders() {
    while (first_ != nullptr) first_->leave();
  }

 private:
  friend class holder;
  holder* first_ = nullptr;
};

inline void holder::join(holders& list) {
  list_ = &list;
  next_ = list.first_;
  if (next_ != nullptr) next_->previous_ = this;
  list.first_ = this;
}

inline void holder::leave() {
  if (list_ == nullptr) return;
  (previous_ == nullptr ? list_->first_ : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  list_ = nullptr;
  previous_ = next_ = nullptr;
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_HOLDERS_H_
