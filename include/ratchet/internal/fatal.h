#ifndef RATCHET_INTERNAL_FATAL_H_
#define RATCHET_INTERNAL_FATAL_H_

// Included by the public headers whose misuse only a bug can cause.

#include <string_view>

namespace ratchet::internal {

// Prints "ratchet: <sentence>" to standard error and aborts. The sentence says
// what was done, on what, and what to do instead.
[[noreturn]] void fatal(std::string_view sentence);

}  // namespace ratchet::internal

// Ends a debug build with `sentence` (anything that makes a string_view, and
// is only evaluated then) unless `condition` holds. Optimised builds neither
// check nor evaluate.
#ifndef NDEBUG
#define RATCHET_CHECK(condition, sentence) \
  ((condition) ? (void)0 : ::ratchet::internal::fatal(sentence))
#else
#define RATCHET_CHECK(condition, sentence) ((void)0)
#endif

#endif  // RATCHET_INTERNAL_FATAL_H_
