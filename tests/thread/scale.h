#ifndef RATCHET_TESTS_THREAD_SCALE_H_
#define RATCHET_TESTS_THREAD_SCALE_H_

#include "tests/support/sanitizers.h"

namespace ratchet::test {

// What a count is divided by, for programs that a sanitizer slows down.
inline constexpr int kSlower = kSanitized ? 10 : 1;

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_THREAD_SCALE_H_
