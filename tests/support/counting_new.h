#ifndef RATCHET_TESTS_SUPPORT_COUNTING_NEW_H_
#define RATCHET_TESTS_SUPPORT_COUNTING_NEW_H_

// Replaces operator new in the program that links it, to show what allocates
// and what does not.

#include <cstdint>

namespace ratchet::test {

// How often operator new was called so far.
uint64_t mallocs();

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_COUNTING_NEW_H_
