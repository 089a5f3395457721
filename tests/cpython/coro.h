#ifndef RATCHET_TESTS_CPYTHON_CORO_H_
#define RATCHET_TESTS_CPYTHON_CORO_H_

// A machine that reads like the coroutine of a test of CPython: a list of lines
// that are gone through from top to bottom.
//
//   coro(nap(100), raise("boom"))
//   coro(nap(1000), except([&] { told = true; }), ret(42))
//   coro(enter(group), [&] { child = group.create_task(...); }, leave(group))
//
// An error goes from the line that made it to the next one that handles it:
// except, rethrow, lastly, leave, or a callable that takes the status. The
// lines in between are skipped, as those of a `try` are.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ratchet/future.h"
#include "ratchet/status.h"
#include "ratchet/task.h"

namespace ratchet::test {

// The length of a sleep; most tests of CPython are written in fractions of a
// second.
inline absl::Duration ms(int n) { return absl::Milliseconds(n); }

// An error of a test: what `raise ValueError` is there.
inline absl::Status failure(absl::string_view name) {
  return absl::UnknownError(name);
}

class coro final : public task<int> {
 public:
  // Gives the transition, or nothing to go on with the next line at once. May
  // change the status.
  using action =
      std::function<std::optional<ratchet::step>(coro&, absl::Status&)>;

  // Made of an action, or of a callable: f(), a statement; f(coro&), which
  // gives a transition; both are skipped by an error. f(coro&, absl::Status)
  // gives a transition, whatever the status.
  struct line {
    template <class F,
              std::enable_if_t<!std::is_same_v<std::decay_t<F>, line>, int> = 0>
    line(F f)  // NOLINT(google-explicit-constructor)
        : act(action_of(std::move(f))) {}

    template <class F>
    static action action_of(F f) {
      using result = std::optional<ratchet::step>;
      if constexpr (std::is_invocable_v<F, coro&, absl::Status&> &&
                    std::is_constructible_v<action, F>) {
        return f;
      } else if constexpr (std::is_invocable_v<F, coro&, absl::Status>) {
        return [f](coro& c, absl::Status& s) mutable -> result {
          return f(c, std::move(s));
        };
      } else if constexpr (std::is_invocable_v<F, coro&>) {
        return [f](coro& c, absl::Status& s) mutable -> result {
          if (!s.ok()) return std::nullopt;
          return f(c);
        };
      } else {
        return [f](coro&, absl::Status& s) mutable -> result {
          if (s.ok()) f();
          return std::nullopt;
        };
      }
    }

    action act;
  };

  template <class... Lines,
            std::enable_if_t<(std::is_constructible_v<line, Lines> && ...) &&
                                 !(std::is_same_v<Lines, coro> || ...),
                             int> = 0>
  explicit coro(Lines... lines) : lines_{line(std::move(lines))...} {}

  step start() { return next(absl::OkStatus()); }

  // -- The transitions, for callables; they go on with the next line.

  step nap(absl::Duration length) { return sleep_for<&coro::next>(length); }
  step turn() { return yield<&coro::next>(); }
  template <class A>
  step on(A&& awaitable, void* into = nullptr) {
    using T = typename internal::unwrapped<std::decay_t<A>>::type;
    into_ = into;
    if constexpr (std::is_void_v<T>) {
      return await<&coro::next>(std::forward<A>(awaitable));
    } else {
      return await<&coro::got<T>>(std::forward<A>(awaitable));
    }
  }
  step ret(int value) { return done(value); }
  step end(absl::Status status) {
    if (!status.ok()) return fail(std::move(status));
    return done(value_);
  }
  // The lines to go back before the next one.
  void back(size_t lines) { at_ -= lines; }

  // The last number that was awaited.
  int value() const { return value_; }
  shared_future<int> own_future() { return this_future(); }

 private:
  step next(absl::Status status) {
    while (at_ < lines_.size()) {
      const action& act = lines_[at_++].act;
      std::optional<ratchet::step> transition = act(*this, status);
      if (transition.has_value()) return *transition;
    }
    return end(std::move(status));
  }
  template <class T>
  step got(absl::StatusOr<T> result) {
    absl::Status status = result.status();
    if (result.ok()) {
      if constexpr (std::is_same_v<T, int>) value_ = *result;
      if (into_ != nullptr) *static_cast<T*>(into_) = *std::move(result);
    }
    return next(std::move(status));
  }

  std::vector<line> lines_;
  size_t at_ = 0;
  int value_ = 0;
  void* into_ = nullptr;
};

// -- Lines -------------------------------------------------------------------

// await asyncio.sleep(milliseconds / 1000)
inline coro::line nap(int milliseconds) {
  return [milliseconds](coro& c) { return c.nap(ms(milliseconds)); };
}
// await asyncio.sleep(0)
inline coro::line turn() {
  return [](coro& c) { return c.turn(); };
}
// Awaits what `f()` gives; the value goes to *into.
template <class F, std::enable_if_t<std::is_invocable_v<F&>, int> = 0>
coro::line on(F f, void* into = nullptr) {
  return [f, into](coro& c) mutable { return c.on(f(), into); };
}
// Awaits what is in `f` when the line is reached.
template <class T>
coro::line on(shared_future<T>& f, void* into = nullptr) {
  return [&f, into](coro& c) { return c.on(f, into); };
}
template <class T>
coro::line on(future<T>& f, void* into = nullptr) {
  return [&f, into](coro& c) { return c.on(std::move(f), into); };
}
// Runs the lines of another coroutine inside this one, as `await coro()` does.
inline coro::line call(coro other) {
  return [other](coro& c) { return c.on(coro(other)); };
}
inline coro::line ret(int value) {
  return [value](coro& c) { return c.ret(value); };
}
inline coro::line raise(absl::Status error) {
  return [error](coro&, absl::Status& s) -> std::optional<step> {
    if (s.ok()) s = error;
    return std::nullopt;
  };
}
inline coro::line raise(const char* name) { return raise(failure(name)); }

namespace internal_coro {
template <class F>
void call_with(F& f, const absl::Status& s) {
  if constexpr (std::is_invocable_v<F&, const absl::Status&>) {
    f(s);
  } else {
    f();
  }
}
}  // namespace internal_coro

// except BaseException: f(); f may take the status.
template <class F>
coro::line except(F f) {
  return [f](coro&, absl::Status& s) mutable -> std::optional<step> {
    if (s.ok()) return std::nullopt;
    const absl::Status caught = std::exchange(s, absl::OkStatus());
    internal_coro::call_with(f, caught);
    return std::nullopt;
  };
}
inline coro::line pass() {
  return except([] {});
}
// The same for Cancelled only, and for anything but Cancelled.
template <class F>
coro::line except_cancelled(F f) {
  return [f](coro&, absl::Status& s) mutable -> std::optional<step> {
    if (!is_cancelled(s)) return std::nullopt;
    const absl::Status caught = std::exchange(s, absl::OkStatus());
    internal_coro::call_with(f, caught);
    return std::nullopt;
  };
}
// except BaseException: f(); raise
template <class F>
coro::line rethrow(F f) {
  return [f](coro&, absl::Status& s) mutable -> std::optional<step> {
    if (!s.ok()) internal_coro::call_with(f, s);
    return std::nullopt;
  };
}
// finally: f()
template <class F>
coro::line lastly(F f) {
  return [f](coro&, absl::Status& s) mutable -> std::optional<step> {
    internal_coro::call_with(f, s);
    return std::nullopt;
  };
}
// finally: raise name
inline coro::line lastly_raise(const char* name) {
  return [name](coro&, absl::Status& s) -> std::optional<step> {
    s = failure(name);
    return std::nullopt;
  };
}
// Goes back `lines` lines, this one not counted, if `condition()`.
template <class F>
coro::line again_if(size_t lines, F condition) {
  return [lines, condition](coro& c, absl::Status& s) -> std::optional<step> {
    if (s.ok() && condition()) c.back(lines + 1);
    return std::nullopt;
  };
}

// await lock.acquire(), for what has acquire(); and lock.release().
template <class Lock>
coro::line acquire(Lock& lock) {
  return [&lock](coro& c) { return c.on(lock.acquire()); };
}
template <class Lock>
coro::line release(Lock& lock) {
  return [&lock](coro&, absl::Status& s) -> std::optional<step> {
    if (!s.ok()) return std::nullopt;
    if constexpr (std::is_void_v<decltype(lock.release())>) {
      lock.release();
    } else {
      s = lock.release();
    }
    return std::nullopt;
  };
}
// The end of `async with lock`: releases it on every way out.
template <class Lock>
coro::line lastly_release(Lock& lock) {
  return lastly([&lock] { static_cast<void>(lock.release()); });
}

// async with scope: a timeout_scope or a task_group.
template <class Scope>
coro::line enter(Scope& scope) {
  return [&scope](coro&, absl::Status& s) -> std::optional<step> {
    if (s.ok()) s = scope.enter();
    return std::nullopt;
  };
}
template <class Scope>
coro::line leave(Scope& scope) {
  return [&scope](coro& c, absl::Status& s) -> std::optional<step> {
    if constexpr (std::is_same_v<decltype(scope.leave(s)), absl::Status>) {
      s = scope.leave(s);
      return std::nullopt;
    } else {
      return c.on(scope.leave(std::exchange(s, absl::OkStatus())));
    }
  };
}

}  // namespace ratchet::test

#endif  // RATCHET_TESTS_CPYTHON_CORO_H_
