#ifndef RATCHET_TESTS_SUPPORT_VALUES_H_
#define RATCHET_TESTS_SUPPORT_VALUES_H_

// Types that a future has to be able to carry: each is made from an int, gives
// it back with number(), and counts the objects that are alive.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ratchet::test {

class counted {
 public:
  explicit counted(int n) : n_(n) { ++alive; }
  counted(const counted& other) : n_(other.n_) { ++alive; }
  counted(counted&& other) noexcept : n_(other.n_) {
    other.n_ = -1;
    ++alive;
  }
  counted& operator=(const counted&) = default;
  counted& operator=(counted&&) = default;
  ~counted() { --alive; }

  int number() const { return n_; }

  static inline int alive = 0;

 private:
  int n_;
};

// No default constructor, as they all are, and nothing else that is special.
class plain : public counted {
  using counted::counted;
};

class move_only : public counted {
 public:
  using counted::counted;
  move_only(move_only&&) = default;
  move_only& operator=(move_only&&) = default;
};

template <size_t kAlignment>
class alignas(kAlignment) over_aligned : public counted {
 public:
  using counted::counted;
  bool aligned() const {
    return reinterpret_cast<uintptr_t>(this) % kAlignment == 0;
  }
};

// Too large for the small classes of the slab.
class large : public counted {
 public:
  using counted::counted;

 private:
  char bytes_[20000] = {};
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_VALUES_H_
