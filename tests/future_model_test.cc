// Random programs of promises, continuations and cancellations, compared with
// a model that follows the rules one by one.

#include <cstddef>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ratchet/future.h"
#include "ratchet/promise.h"
#include "tests/support/loop_test.h"

namespace ratchet {
namespace {

using ::ratchet::test::loop_test;
using ::ratchet::test::trace;
using ::testing::ElementsAreArray;

using result = absl::StatusOr<int>;

absl::Status error_of(size_t n) { return absl::NotFoundError(absl::StrCat(n)); }

// "pending", "value 3", "error 4" or "cancelled".
std::string text_of(const result& r) {
  if (r.ok()) return absl::StrCat("value ", *r);
  if (is_cancelled(r.status())) return "cancelled";
  if (kind_of(r.status()) == error_kind::invalid_state) return "pending";
  return absl::StrCat("error ", r.status().message());
}

// What a node of the program is, and what its callback does.
struct plan {
  enum class call { promise, then, or_else, then_result, finally, callback };
  enum class act { value, error, inner, cancelled, cancel_self };

  call what = call::promise;
  size_t id = 0;
  std::optional<size_t> source = std::nullopt;
  act does = act::value;
  size_t inner = 0;  // The future that act::inner returns.
};
using call = plan::call;
using act = plan::act;

// What the rules say: states without any machinery. Nodes are numbered as they
// come; a callback is a node, but no future.
class model {
 public:
  void add(const plan& p) {
    nodes_.emplace_back(p);
    if (p.source.has_value()) wait(*p.source, p.id);
  }

  bool settle(size_t id, result r) {
    node& n = nodes_[id];
    if (n.done) return false;
    n.done = true;
    n.outcome = std::move(r);
    for (const size_t w : n.waiters) queue_.push_back(w);  // S33
    n.waiters.clear();
    return true;
  }

  bool cancel(size_t id) {
    node& n = nodes_[id];
    if (n.done) return false;
    if (n.p.what == call::promise) return settle(id, cancelled_error());  // S37
    if (n.source.has_value() && !nodes_[*n.source].done) {
      return cancel(*n.source);  // S55
    }
    n.must_cancel = true;  // S57, S59
    return true;
  }

  void iterate() {
    const std::vector<size_t> batch(queue_.begin(), queue_.end());
    queue_.clear();  // S2
    for (const size_t id : batch) run(nodes_[id]);
  }

  bool idle() const { return queue_.empty(); }
  std::string text(size_t id) const {
    return nodes_[id].done ? text_of(nodes_[id].outcome) : "pending";
  }
  trace seen;

 private:
  struct node {
    explicit node(const plan& of) : p(of), source(of.source) {}
    plan p;
    std::optional<size_t> source;  // What it waits for.
    bool has_run = false;
    bool must_cancel = false;
    bool done = false;
    result outcome = 0;
    std::vector<size_t> waiters;
  };

  void wait(size_t source, size_t id) {
    node& s = nodes_[source];
    if (s.done) {
      queue_.push_back(id);  // S34
    } else {
      s.waiters.push_back(id);
    }
  }

  // Its own outcome, unless a request to cancel it was not delivered.
  void end(node& n, const result& r) {
    settle(n.p.id, n.must_cancel ? result(cancelled_error()) : r);
  }

  void run(node& n) {
    const plan& p = n.p;
    const result source = nodes_[*n.source].outcome;
    n.source.reset();
    if (p.what == call::callback) {
      seen.push_back(absl::StrCat("callback ", p.id));
      return;
    }
    if (n.has_run) return end(n, source);  // The inner future is done.
    n.has_run = true;
    const bool error = !source.ok() && !is_cancelled(source.status());
    if ((p.what == call::then && (!source.ok() || n.must_cancel)) ||
        (p.what == call::or_else && (!error || n.must_cancel))) {
      return end(n, source);
    }
    std::string with;
    if (p.what == call::then_result) {
      with = n.must_cancel ? "cancelled" : text_of(source);
      n.must_cancel = false;  // Delivered.
    }
    seen.push_back(absl::StrCat("run ", p.id, " ", with));
    if (p.does == act::cancel_self) n.must_cancel = true;  // S59
    if (p.what == call::finally) {
      if (p.does == act::error) {
        settle(p.id, error_of(p.id));
      } else {
        end(n, source);
      }
      return;
    }
    switch (p.does) {
      case act::value:
      case act::cancel_self:
        return end(n, static_cast<int>(p.id));
      case act::error:
        settle(p.id, error_of(p.id));
        return;
      case act::cancelled:
        settle(p.id, cancelled_error());
        return;
      case act::inner:
        if (nodes_[p.inner].done)
          return end(n, nodes_[p.inner].outcome);  // S39
        n.source = p.inner;
        wait(p.inner, p.id);
    }
  }

  std::deque<node> nodes_;
  std::deque<size_t> queue_;
};

class FutureModelTest : public loop_test {
 protected:
  // Runs one random program. Fatal failures end it.
  void run(unsigned seed);

  // What node p.id is in the library.
  void add(const plan& p);
  // What the callback of p does, as a value or as a future.
  result act_out(const plan& p, const std::string& with);
  shared_future<int> inner_of(const plan& p, const std::string& with) {
    const result r = act_out(p, with);
    return r.ok() ? futures_[p.inner]
                  : shared_future<int>(make_error_future<int>(r.status()));
  }

  std::vector<std::optional<promise<int>>> promises_;
  std::vector<shared_future<int>> futures_;
};

result FutureModelTest::act_out(const plan& p, const std::string& with) {
  mark(absl::StrCat("run ", p.id, " ", with));
  if (p.does == act::error) return error_of(p.id);
  if (p.does == act::cancelled) return cancelled_error();
  if (p.does == act::cancel_self) futures_[p.id].cancel();
  return static_cast<int>(p.id);
}

void FutureModelTest::add(const plan& p) {
  promises_.emplace_back();
  futures_.emplace_back();
  if (p.what == call::promise) {
    promises_.back().emplace();
    futures_.back() = promises_.back()->get_future();
    return;
  }
  const shared_future<int> source = futures_[*p.source];
  const bool waits = p.does == act::inner;
  future<int> f;
  switch (p.what) {
    case call::then:
      f = waits ? source.then([this, p](int) { return inner_of(p, ""); })
                : source.then([this, p](int) { return act_out(p, ""); });
      break;
    case call::or_else: {
      using error = const absl::Status&;
      f = waits ? source.or_else([this, p](error) { return inner_of(p, ""); })
                : source.or_else([this, p](error) { return act_out(p, ""); });
      break;
    }
    case call::then_result:
      f = waits ? source.then_result(
                      [this, p](result r) { return inner_of(p, text_of(r)); })
                : source.then_result(
                      [this, p](result r) { return act_out(p, text_of(r)); });
      break;
    case call::finally:
      f = source.finally([this, p] {
        const result r = act_out(p, "");
        return p.does == act::error ? r.status() : absl::OkStatus();
      });
      break;
    default:
      source.add_done_callback(marks(absl::StrCat("callback ", p.id)));
      return;
  }
  futures_.back() = std::move(f);
}

void FutureModelTest::run(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](size_t n) { return static_cast<size_t>(random() % n); };
  // A future: callbacks are none.
  const auto pick_future = [&] {
    size_t at = pick(futures_.size());
    while (!futures_[at].valid()) at = pick(futures_.size());
    return at;
  };
  model m;
  for (int operation = 0; operation < 150; ++operation) {
    const size_t what = futures_.empty() ? 0 : pick(12);
    if (what == 0) {
      plan p;
      p.id = futures_.size();
      m.add(p);
      add(p);
    } else if (what <= 5) {
      plan p;
      p.what = static_cast<call>(1 + pick(5));
      p.id = futures_.size();
      p.source = pick_future();
      p.does = static_cast<act>(pick(5));
      p.inner = pick_future();
      m.add(p);
      add(p);
    } else if (what <= 7) {
      const size_t at = pick_future();
      if (!promises_[at].has_value()) continue;
      const result r =
          pick(3) == 0 ? result(error_of(at)) : result(static_cast<int>(at));
      ASSERT_EQ(promises_[at]->set_result(r).ok(), m.settle(at, r));
    } else if (what <= 9) {
      const size_t at = pick_future();
      ASSERT_EQ(futures_[at].cancel(), m.cancel(at)) << "of " << at;
    } else {
      iterate();
      m.iterate();
    }
    if (seen == m.seen) continue;
    ASSERT_THAT(seen, ElementsAreArray(m.seen));
  }
  while (!m.idle()) {
    iterate();
    m.iterate();
    if (seen == m.seen) continue;
    ASSERT_THAT(seen, ElementsAreArray(m.seen));
  }
  for (size_t i = 0; i < futures_.size(); ++i) {
    if (!futures_[i].valid()) continue;
    ASSERT_EQ(text_of(futures_[i].result()), m.text(i)) << "future " << i;
  }
}

TEST_F(FutureModelTest, RandomProgramsDoWhatTheRulesSay) {
  size_t events = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    ASSERT_NO_FATAL_FAILURE(run(seed));
    events += taken().size();
    promises_.clear();
    run_until_idle();  // What breaking them started.
    (void)taken();
    futures_.clear();
  }
  EXPECT_GT(events, 300u * 10);
}

}  // namespace
}  // namespace ratchet
