#ifndef RATCHET_TESTS_CPYTHON_CPYTHON_TEST_H_
#define RATCHET_TESTS_CPYTHON_CPYTHON_TEST_H_

// What the tests that follow those of CPython's asyncio have in common: a loop
// in virtual time, a trace with times, and coroutines in few words (coro.h).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "ratchet/run.h"
#include "ratchet/status.h"
#include "ratchet/task.h"
#include "tests/cpython/coro.h"
#include "tests/support/loop_test.h"
#include "tests/support/status_matchers.h"

namespace ratchet::test {

// "ok", "cancelled", "timeout", or the message.
inline std::string text_of(const absl::Status& s) {
  if (s.ok()) return "ok";
  if (is_cancelled(s)) return "cancelled";
  if (is_timeout(s)) return "timeout";
  return std::string(s.message());
}

// The messages of the errors of a group.
inline std::vector<std::string> group_of(const absl::Status& s) {
  if (kind_of(s) != error_kind::group) return {"no group: " + text_of(s)};
  std::vector<std::string> texts;
  for (const absl::Status& error : errors_of(s)) {
    texts.push_back(text_of(error));
  }
  return texts;
}
template <class T>
std::vector<std::string> group_of(const absl::StatusOr<T>& r) {
  return group_of(r.status());
}

// loop.create_future(): a future and the end from which it is completed.
struct new_future {
  void set_result(int value = 0) { EXPECT_THAT(p.set_value(value), IsOk()); }
  void set_exception(const char* name) {
    EXPECT_THAT(p.set_error(failure(name)), IsOk());
  }

  promise<int> p;
  shared_future<int> f = p.get_future();
};

class cpython_test : public loop_test {
 public:
  using loop_test::clock;
  using loop_test::loop;

  // Milliseconds of virtual time since the test began.
  int64_t now_ms() { return absl::ToInt64Milliseconds(loop.now() - begin_); }
  absl::Time at_ms(int n) { return begin_ + ms(n); }

  // Adds to the trace what happened and when: "woken 100".
  void say(const std::string& what) { mark(absl::StrCat(what, " ", now_ms())); }
  auto says(const std::string& what) {
    return [this, what] { say(what); };
  }

  // Runs a coroutine as the main task.
  template <class... Lines>
  absl::StatusOr<int> run(Lines... lines) {
    return loop.run_until_complete(coro(std::move(lines)...));
  }
  // Starts one.
  template <class... Lines>
  shared_future<int> start(Lines... lines) {
    return shared_future<int>(loop.create_task(coro(std::move(lines)...)));
  }
  // The same with create_task(eager, ...).
  template <class... Lines>
  shared_future<int> start_eager(Lines... lines) {
    return shared_future<int>(
        loop.create_task(eager, coro(std::move(lines)...)));
  }
  // Starts one as a child of a task_group; spawn() without keeping its future.
  template <class Group, class... Lines>
  static shared_future<int> child(Group& group, Lines... lines) {
    return shared_future<int>(group.create_task(coro(std::move(lines)...)));
  }
  template <class Group, class... Lines>
  static void spawn(Group& group, Lines... lines) {
    static_cast<void>(group.create_task(coro(std::move(lines)...)));
  }
  using futures = std::vector<shared_future<int>>;

  // The task that runs.
  task_handle me() { return loop.current_task(); }

 private:
  const absl::Time begin_ = loop.now();
};

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_CPYTHON_CPYTHON_TEST_H_
