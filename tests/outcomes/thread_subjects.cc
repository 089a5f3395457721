// What other threads, and callbacks, give to a loop.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/future_from_callback.h"
#include "ratchet/status.h"
#include "ratchet/thread/cross_thread_promise.h"
#include "ratchet/thread/thread_pool.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

// A function that runs in a pool until it is told what to return.
class told_function final {
 public:
  ~told_function() { end(0); }  // Else the pool would wait for it for ever.

  // Its future. Starts it at the first call, and waits until it runs.
  source started() {
    if (!future_.valid()) {
      future_ = run_in(*pool_, [this] { return run(); }).share();
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return runs_; });
    }
    return future_;
  }
  void cancel() { EXPECT_TRUE(future_.cancel()); }
  // Lets it return `result`, and waits until that is on its way.
  void end(absl::StatusOr<int> result) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!result_.has_value()) result_ = std::move(result);
      changed_.notify_all();
    }
    pool_->shutdown();
  }
  // Gives the last handle on the future away.
  source released() {
    source f = started();
    future_ = source();
    return f;
  }
  std::string fate() {
    end(1);
    const std::lock_guard<std::mutex> lock(mutex_);
    return returned_ ? "f runs on" : "f is gone";
  }

 private:
  absl::StatusOr<int> run() {
    std::unique_lock<std::mutex> lock(mutex_);
    runs_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return result_.has_value(); });
    returned_ = true;
    return *result_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool runs_ = false;
  bool returned_ = false;
  std::optional<absl::StatusOr<int>> result_;
  source future_;
  std::optional<thread_pool> pool_{std::in_place, 1};
};

subject run_in_pool() {
  auto f = std::make_shared<told_function>();
  subject made = awaits([f] { return f->started(); }, kIntWords);
  made.hold = [f] { return std::make_shared<source>(f->released()); };
  made.give = [f] { f->end(1); };
  made.fail = [f] { f->end(absl::AbortedError("x")); };
  made.cancel_source = [f] { f->cancel(); };
  made.fate = [f] { return f->fate(); };
  made.only_while_waiting = {event::source_gives_value, event::source_fails,
                             event::source_is_cancelled};
  return made;
}

template <class F>
void in_thread(F f) {
  std::thread(f).join();
}

// Settled by another thread.
subject promise_of_thread() {
  struct state {
    std::optional<cross_thread_promise<int>> p{std::in_place};
    source f = p->get_future().share();
  };
  auto s = std::make_shared<state>();
  subject made = awaits([s] { return s->f; }, kIntWords);
  made.give = [s] { in_thread([s] { EXPECT_TRUE(s->p->set_value(1).ok()); }); };
  made.fail = [s] {
    in_thread(
        [s] { EXPECT_TRUE(s->p->set_error(absl::AbortedError("x")).ok()); });
  };
  made.cancel_source = [s] { EXPECT_TRUE(s->f.cancel()); };
  made.destroy_source = [s] { in_thread([s] { s->p.reset(); }); };
  made.fate = [s]() -> std::string {
    if (s->p->cancelled()) return "source cancelled";
    const absl::Status status = s->p->set_value(1);
    if (status.ok()) return "source goes on";
    return kind_of(status) == error_kind::closed ? "source is told"
                                                 : status.ToString();
  };
  return made;
}

// Settled by an interface that takes callbacks.
subject callback_of_interface() {
  struct state {
    std::optional<future_callback<int>> callback;
    source f = future_from_callback<int>([this](const auto& given) {
                 callback.emplace(given);
               }).share();
  };
  auto s = std::make_shared<state>();
  subject made = awaits([s] { return s->f; }, kIntWords);
  made.give = [s] { EXPECT_TRUE((*s->callback)(1)); };
  made.fail = [s] { EXPECT_TRUE((*s->callback)(absl::AbortedError("x"))); };
  made.cancel_source = [s] { EXPECT_TRUE(s->f.cancel()); };
  made.destroy_source = [s] { s->callback.reset(); };
  made.fate = [s]() -> std::string {
    if (!s->callback->wanted()) return "source cancelled";
    return (*s->callback)(1) ? "source goes on" : "source is told";
  };
  return made;
}

}  // namespace

std::vector<named_subject> thread_subjects() {
  return {
      {"run_in", [](stage&) { return run_in_pool(); }},
      {"cross_thread_promise", [](stage&) { return promise_of_thread(); }},
      {"future_from_callback", [](stage&) { return callback_of_interface(); }},
  };
}

}  // namespace ratchet::outcomes
