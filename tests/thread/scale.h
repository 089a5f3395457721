#ifndef RATCHET_TESTS_THREAD_SCALE_H_
#define RATCHET_TESTS_THREAD_SCALE_H_

#include "absl/base/config.h"

namespace ratchet::test {

// What a count is divided by, for programs that a sanitizer slows down.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
inline constexpr int kSlower = 10;
#else
inline constexpr int kSlower = 1;
#endif

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_THREAD_SCALE_H_
