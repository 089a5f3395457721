#ifndef RATCHET_TESTS_SUPPORT_SANITIZERS_H_
#define RATCHET_TESTS_SUPPORT_SANITIZERS_H_

#include "absl/base/config.h"

namespace ratchet::test {

// Whether a sanitizer makes all of this slower, and its frames and blocks
// larger.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || \
    defined(ABSL_HAVE_MEMORY_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_SANITIZERS_H_
