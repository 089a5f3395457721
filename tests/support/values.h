#ifndef RATCHET_TESTS_SUPPORT_VALUES_H_
#define RATCHET_TESTS_SUPPORT_VALUES_H_

// Types that a future has to be able to carry: each is made from an int, gives
// it back with number(), and counts the objects that are alive.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/config.h"

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
  char bytes[20000] = {};
};

// GCC 12's AddressSanitizer does not align what is on its fake stack
// (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=110027), so that no function
// can return such a value there.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) && !defined(__clang__)
using over_aligned_64 = over_aligned<16>;
using over_aligned_256 = over_aligned<32>;
#else
using over_aligned_64 = over_aligned<64>;
using over_aligned_256 = over_aligned<256>;
#endif

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_VALUES_H_
