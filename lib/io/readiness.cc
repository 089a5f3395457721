#include "ratchet/io/readiness.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/io_watch.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/poller.h"
#include "ratchet/internal/state.h"
#include "ratchet/status.h"

namespace ratchet {
namespace internal {
namespace {

class readiness_state;

}  // namespace

// readiness_watch: the watch of a descriptor that is not ours. It lives while
// somebody waits.
class readiness_watch final : public io_watch,
                              public slab_allocated<block_kind::plain> {
 public:
  explicit readiness_watch(loop_core& core) : core_(core) { core_.add_state(); }

  void join(readiness_state& s);
  void leave(readiness_state& s);
  // Watches for `events`, too, beginning with what can be done now. False if
  // the descriptor has been closed.
  bool go_on_with(uint32_t events);

  void io_ready(uint32_t events) override;
  void io_dropped(bool loop_closed) override;
  bool io_awaited() const override { return first_ != nullptr; }
  readiness_watch* as_readiness() override { return this; }

  void delete_if_unused() {
    if (first_ != nullptr) return;
    core_.unwatch(*this, poller::removal::stays_open);
    delete this;
  }

 private:
  ~readiness_watch() override { core_.remove_state(); }

  loop_core& core_;
  readiness_state* first_ = nullptr;  // In the order in which they came.
  readiness_state* last_ = nullptr;
};

namespace {

class readiness_state final : public plain_state<void> {
 public:
  readiness_state(loop_core& core, uint32_t events, int fd)
      : plain_state<void>(core), events_(events), fd_(fd) {}

  uint32_t events() const { return events_; }

  cancel_answer answer_cancel(const absl::Status& why) override {
    leave();
    return plain_state<void>::answer_cancel(why);
  }
  std::string describe_state() const override {
    return absl::StrCat("descriptor ", fd_, " to be ", absl_name());
  }
  std::string_view kind_name() const override {
    return events_ == kIoReadable ? "readable" : "writable";
  }

 private:
  friend class internal::readiness_watch;

  ~readiness_state() override { leave(); }

  absl::string_view absl_name() const {
    return events_ == kIoReadable ? "readable" : "writable";
  }
  void leave() {
    if (watch_ == nullptr) return;
    readiness_watch& watch = *watch_;
    watch.leave(*this);
    watch.delete_if_unused();
  }

  const uint32_t events_;
  const int fd_;
  readiness_watch* watch_ = nullptr;
  readiness_state* previous_ = nullptr;
  readiness_state* next_ = nullptr;
};

future<void> wait_for(int fd, uint32_t events, std::string_view call) {
  loop_core& core = loop_core::current(call);
  core.check_thread(call);
  io_watch* const there = core.watch_of(fd);
  if (there != nullptr && there->as_readiness() == nullptr) {
    return make_error_future<void>(absl::FailedPreconditionError(absl::StrCat(
        absl::string_view(call.data(), call.size()), ": descriptor ", fd,
        " belongs to a stream or socket of ratchet: use its functions")));
  }
  readiness_watch* watch = there == nullptr ? nullptr : there->as_readiness();
  if (watch != nullptr && !watch->go_on_with(events)) {
    // The descriptor was closed, and its number is that of another one now.
    core.unwatch(*watch, poller::removal::stays_open);
    watch->io_dropped(/*loop_closed=*/false);
    watch = nullptr;
  }
  const bool is_new = watch == nullptr;
  if (is_new) watch = new readiness_watch(core);
  auto* const state = new readiness_state(core, events, fd);
  state_ref<value_state<void>> owner(state);
  watch->join(*state);
  if (is_new) {
    absl::Status status = core.watch(fd, events, *watch);
    if (!status.ok()) {
      watch->leave(*state);
      watch->delete_if_unused();
      return make_error_future<void>(std::move(status));
    }
  }
  return future<void>(std::move(owner));
}

}  // namespace

void readiness_watch::join(readiness_state& s) {
  s.watch_ = this;
  s.previous_ = last_;
  (last_ == nullptr ? first_ : last_->next_) = &s;
  last_ = &s;
}

void readiness_watch::leave(readiness_state& s) {
  (s.previous_ == nullptr ? first_ : s.previous_->next_) = s.next_;
  (s.next_ == nullptr ? last_ : s.next_->previous_) = s.previous_;
  s.previous_ = s.next_ = nullptr;
  s.watch_ = nullptr;
}

bool readiness_watch::go_on_with(uint32_t events) {
  for (const readiness_state* s = first_; s != nullptr; s = s->next_) {
    events |= s->events();
  }
  return core_.change_watch(*this, events);
}

void readiness_watch::io_ready(uint32_t events) {
  for (readiness_state* s = first_; s != nullptr;) {
    readiness_state* const next = s->next_;
    if ((s->events() & events) != 0) {
      leave(*s);
      s->settle_value();
    }
    s = next;
  }
  delete_if_unused();
}

void readiness_watch::io_dropped(bool loop_closed) {
  while (first_ != nullptr) {
    readiness_state& s = *first_;
    leave(s);
    if (loop_closed) {
      s.abandon();
    } else {
      s.settle_error(
          make_error(error_kind::destroyed,
                     absl::StrCat("descriptor ", s.fd_,
                                  " was closed while somebody waited for it")));
    }
  }
  delete this;
}

}  // namespace internal

future<void> readable(int descriptor) {
  return internal::wait_for(descriptor, internal::kIoReadable, "readable()");
}

future<void> writable(int descriptor) {
  return internal::wait_for(descriptor, internal::kIoWritable, "writable()");
}

}  // namespace ratchet
