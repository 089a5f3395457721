#include "ratchet/io/signals.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/signal_source.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/state.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

class signal_operation;

}  // namespace

class signal_core final : public signal_source,
                          public slab_allocated<block_kind::plain> {
 public:
  explicit signal_core(loop_core& core) : signal_source(core) {}

  state_ref<io_operation> begin_next();
  void destroy();

  bool io_awaited() const override;

 private:
  ~signal_core() override = default;

  void signalled() override;
  void dropped(bool loop_closed) override;

  io_operations nexts_;  // Made when first needed.
};

namespace {

// The next() that is going on.
class signal_operation final : public io_operation {
 public:
  signal_operation(loop_core& core, signal_core& watcher)
      : io_operation(core), owner(&watcher) {}

  std::string describe_state() const override {
    return is_left_over() ? "what was destroyed" : owner->describe();
  }

  signal_core* const owner;  // Gone, if it is left over.

 private:
  ~signal_operation() override = default;

  std::string already_awaited() const override {
    return absl::StrCat(owner->describe(),
                        ": another task is in next() of this watcher already");
  }
};

// A future that watches until it is settled.
class next_signal_state final : public plain_state<int>, public signal_source {
 public:
  explicit next_signal_state(loop_core& core)
      : plain_state<int>(core), signal_source(core) {}

  bool io_awaited() const override { return !done(); }

  cancel_answer answer_cancel(const absl::Status& why) override {
    close();
    return plain_state<int>::answer_cancel(why);
  }
  std::string describe_state() const override { return describe(); }
  std::string_view kind_name() const override { return "next_signal"; }

 private:
  ~next_signal_state() override = default;

  void signalled() override {
    const int number = take_number();
    if (number == 0) return;
    close();
    settle_value(number);
  }
  void dropped(bool loop_closed) override {
    if (loop_closed) {
      abandon();
    } else {
      settle_error(make_error(error_kind::destroyed,
                              "the descriptor of a signal was closed"));
    }
  }
};

}  // namespace

state_ref<io_operation> signal_core::begin_next() {
  core().check_thread("signal_watcher::next()");
  io_operation* op = nexts_.claim();
  if (op == nullptr) op = nexts_.add(new signal_operation(core(), *this));
  return state_ref<io_operation>(op);
}

void signal_core::destroy() {
  const absl::Status why =
      make_error(error_kind::destroyed,
                 absl::StrCat("the signal_watcher for ", describe(),
                              " was destroyed while a task waited for it"));
  nexts_.fail(why, why);
  nexts_.leave(why);
  delete this;
}

bool signal_core::io_awaited() const { return nexts_.waiting(); }

void signal_core::signalled() { nexts_.wake(); }

void signal_core::dropped(bool loop_closed) {
  if (loop_closed) {
    nexts_.abandon();
    return;
  }
  const absl::Status why = make_error(error_kind::destroyed,
                                      "the descriptor of a signal was closed");
  nexts_.fail(why, why);
}

std::optional<absl::StatusOr<int>> next_signal_attempt::attempt(
    io_operation& op) {
  signal_core* const core = static_cast<signal_operation&>(op).owner;
  if (!core->is_open()) return loop_core::closed_error();
  const int number = core->take_number();
  if (number == 0) return std::nullopt;
  return number;
}

}  // namespace internal

absl::StatusOr<signal_watcher> signal_watcher::watch(
    const std::vector<int>& signals) {
  internal::loop_core& core =
      internal::loop_core::current("signal_watcher::watch()");
  core.check_thread("signal_watcher::watch()");
  signal_watcher made(new internal::signal_core(core));
  absl::Status status = made.core_->open(signals);
  if (!status.ok()) return status;
  return made;
}

signal_watcher::signal_watcher(signal_watcher&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)) {}

signal_watcher& signal_watcher::operator=(signal_watcher&& other) noexcept {
  const signal_watcher old(std::move(*this));
  core_ = std::exchange(other.core_, nullptr);
  return *this;
}

signal_watcher::~signal_watcher() {
  if (core_ != nullptr) core_->destroy();
}

signal_watcher::coming signal_watcher::next() {
  RATCHET_CHECK(core_ != nullptr,
                "next() of an empty signal_watcher was called: it was "
                "default-constructed or moved from");
  return coming(core_->begin_next());
}

future<int> next_signal(const std::vector<int>& signals) {
  internal::loop_core& core = internal::loop_core::current("next_signal()");
  core.check_thread("next_signal()");
  auto* const state = new internal::next_signal_state(core);
  future<int> result{internal::state_ref<internal::value_state<int>>(state)};
  absl::Status status = state->open(signals);
  if (!status.ok()) state->settle_error(std::move(status));
  return result;
}

}  // namespace ratchet
