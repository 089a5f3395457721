#ifndef RATCHET_TESTS_SUPPORT_CONTEXT_TEST_H_
#define RATCHET_TESTS_SUPPORT_CONTEXT_TEST_H_

// Two task_locals, and callbacks that mark what they see of them.

#include <string>

#include "gtest/gtest.h"
#include "ratchet/internal/context.h"
#include "ratchet/task_local.h"
#include "tests/support/loop_test.h"

namespace ratchet::test {

inline task_local<std::string> name{"nobody"};
inline task_local<int> depth;

class context_test : public loop_test {
 protected:
  context_test() {
    EXPECT_EQ(name.get(), "nobody") << "left by another test";
    EXPECT_FALSE(internal::has_context());
  }
  ~context_test() override { internal::clear_context(); }

  // A callback that marks the name that it sees, and then sets another.
  auto sees(const std::string& who) {
    return [this, who] {
      mark(who + " " + name.get());
      name.set(who);
    };
  }
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_SUPPORT_CONTEXT_TEST_H_
