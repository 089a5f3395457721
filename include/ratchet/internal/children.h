#ifndef RATCHET_INTERNAL_CHILDREN_H_
#define RATCHET_INTERNAL_CHILDREN_H_

// Included by the combinators: how they wait for several futures.

#include <cstddef>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "absl/base/optimization.h"
#include "ratchet/internal/future_state.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"

namespace ratchet::internal {

[[noreturn]] void children_of_different_loops(std::string_view call);

// `w` waits for `child`, which a combinator of `core` was given by `call`.
inline void wait_for_child(runnable& w, future_state& child,
                           const loop_core& core, std::string_view call) {
  if (ABSL_PREDICT_FALSE(&child.core() != &core)) {
    children_of_different_loops(call);
  }
  child.add_waiter(w);
}

// child_array: room for a number of T's, one for each child, in one block. They
// are made one by one, and stay in place, also when the array is moved.
template <class T>
class child_array {
 public:
  child_array() = default;
  explicit child_array(size_t capacity)
      : begin_(capacity == 0 ? nullptr
                             : std::allocator<T>().allocate(capacity)),
        end_(begin_),
        limit_(begin_ + capacity) {}
  child_array(child_array&& other) noexcept
      : begin_(std::exchange(other.begin_, nullptr)),
        end_(std::exchange(other.end_, nullptr)),
        limit_(std::exchange(other.limit_, nullptr)) {}
  child_array& operator=(child_array&& other) noexcept {
    child_array taken(std::move(other));
    std::swap(begin_, taken.begin_);
    std::swap(end_, taken.end_);
    std::swap(limit_, taken.limit_);
    return *this;
  }
  ~child_array() {
    if (begin_ == nullptr) return;
    for (T& t : *this) t.~T();
    std::allocator<T>().deallocate(begin_,
                                   static_cast<size_t>(limit_ - begin_));
  }

  // REQUIRES: !full().
  template <class... Args>
  T& emplace(Args&&... args) {
    T* const made =
        ::new (static_cast<void*>(end_)) T(std::forward<Args>(args)...);
    ++end_;
    return *made;
  }

  bool full() const { return end_ == limit_; }
  bool empty() const { return begin_ == end_; }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }
  T& operator[](size_t i) { return begin_[i]; }
  T* begin() { return begin_; }
  T* end() { return end_; }

 private:
  T* begin_ = nullptr;
  T* end_ = nullptr;
  T* limit_ = nullptr;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_CHILDREN_H_
