#include "ratchet/internal/stream_core.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/io_calls.h"
#include "ratchet/internal/system_error.h"
#include "ratchet/status.h"

namespace ratchet::internal {

// What those who write wait for.
class stream_core::write_gate final : public gate {
 public:
  write_gate(loop_core& core, stream_core& stream)
      : gate(core), stream_(&stream) {}

  std::string describe_state() const override {
    return stream_ == nullptr
               ? "what was destroyed"
               : absl::StrCat(stream_->describe(), " to be written, ",
                              stream_->unsent(), " bytes unsent");
  }
  void leave() {
    stream_ = nullptr;
    unref();
  }

 private:
  ~write_gate() override = default;

  stream_core* stream_;
};

read_operation::read_operation(stream_core& s)
    : io_operation(s.core()), stream(&s) {}

std::string read_operation::describe_state() const {
  return is_left_over() ? "what was destroyed"
                        : absl::StrCat(stream->describe(), " to be read");
}

std::string read_operation::already_awaited() const {
  return absl::StrCat(stream->describe(),
                      ": another task reads already: one at a time does");
}

stream_core::stream_core(loop_core& core, device what, size_t high_water)
    : io_descriptor(core), device_(what), high_water_(high_water) {}

absl::Status stream_core::open(int fd, uint32_t interest) {
  number_ = fd;
  interest_ = interest;
  refuse_other_way();
  return io_descriptor::open(fd, interest);
}

void stream_core::set_name(std::string_view name) {
  name_ = name;
  refuse_other_way();
}

// An end of a pipe, or what was opened for one of the two: waiting for the
// other would be for ever.
void stream_core::refuse_other_way() {
  const auto error = [&](const char* opened_for, const char* call) {
    return make_error(error_kind::invalid_state,
                      absl::StrCat(describe(), " was opened for ", opened_for,
                                   " alone: ", call));
  };
  if ((interest_ & kIoReadable) == 0) {
    read_error_ = error("writing", "it cannot be read");
  }
  if ((interest_ & kIoWritable) == 0) {
    write_error_ = error("reading", "it cannot be written to");
  }
}

std::string stream_core::describe() const {
  return name_.empty() ? absl::StrCat("stream ", number_) : name_;
}

void stream_core::close() {
  if (closed_) return;
  const absl::Status why = make_error(
      error_kind::destroyed, absl::StrCat(describe(),
                                          " was closed while a task waited for "
                                          "it"));
  closed_ = true;
  out_.clear();
  // A pipe or a terminal may be shared with a child, or with who gave it.
  close_now(is_socket() ? poller::removal::closes
                        : poller::removal::stays_open);
  fail_waiting(why);
}

void stream_core::fail_waiting(const absl::Status& error) {
  reads_.fail(error, closed_error());
  if (drained_ != nullptr) drained_->fail(error);
  if (flushed_ != nullptr) flushed_->fail(error);
}

absl::Status stream_core::closed_error() const {
  return make_error(error_kind::closed, absl::StrCat(describe(), " is closed"));
}

void stream_core::destroy() {
  close();
  reads_.leave(closed_error());
  if (drained_ != nullptr) std::exchange(drained_, nullptr)->leave();
  if (flushed_ != nullptr) std::exchange(flushed_, nullptr)->leave();
  if (resting_) core().withdraw(*this);
  delete this;
}

// -- Reading ------------------------------------------------------------------

state_ref<read_operation> stream_core::begin_read() {
  core().check_thread("a reading function of a stream");
  io_operation* op = reads_.claim();
  if (op == nullptr) op = reads_.add(new read_operation(*this));
  auto* const read = static_cast<read_operation*>(op);
  read->searched = 0;
  read->copying = false;
  return state_ref<read_operation>(read);
}

stream_core::received stream_core::receive(char* into, size_t size,
                                           size_t& got) {
  got = 0;
  if (closed_) {
    read_error_ = closed_error();
    return received::failed;
  }
  if (!read_error_.ok()) return received::failed;
  if (end_) return received::end;
  io_calls& calls = io_calls::current();
  while (readable()) {
    const ssize_t n = is_socket() ? calls.receive(fd(), into, size)
                                  : calls.read(fd(), into, size);
    if (n > 0) {
      got = static_cast<size_t>(n);
      if (got < size && partial_is_exhausted()) read_was_short();
      turns_ += static_cast<uint32_t>(got / kBytesOfTurn);
      return received::some;
    }
    if (n == 0 && reset_) return read_failed(write_error_);
    // The other side of a terminal hangs up with EIO.
    if (n == 0 || (errno == EIO && !is_socket())) {
      end_ = true;
      return received::end;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      return read_failed(
          system_error(errno, absl::StrCat(describe(), ": read")));
    }
    read_would_block();
  }
  turns_ = 0;
  if (in_.empty()) in_.give_back();
  return received::nothing;
}

stream_core::received stream_core::read_failed(const absl::Status& why) {
  read_error_ =
      in_.empty()
          ? why
          : absl::Status(why.code(), absl::StrCat(why.message(), ", after ",
                                                  in_.size(), " bytes"));
  return received::failed;
}

stream_core::received stream_core::receive_more(size_t most) {
  constexpr size_t kMostAtOnce = kMostTurns * kBytesOfTurn;
  // Only if there is something to read, for all that is known.
  char* const room = readable() ? in_.room(most) : nullptr;
  size_t got;
  const received what =
      receive(room, std::min(in_.room_size(), kMostAtOnce), got);
  if (what == received::some) in_.added(got);
  return what;
}

bool stream_core::may_go_on() {
  if (++turns_ < kMostTurns) return true;
  if (!resting_) {
    resting_ = core().push(*this);
  }
  return false;
}

bool stream_core::copy_more(std::string& copy) {
  const std::string_view all = in_.view();
  copy.reserve(all.size());
  while (copy.size() < all.size()) {
    if (!may_go_on()) return false;
    copy.append(all.substr(copy.size(), kBytesOfTurn));
  }
  return true;
}

void stream_core::take_turn() {
  resting_ = false;
  turns_ = 0;
  reads_.wake();
  open_if_drained();
}

absl::Status stream_core::ended_early(std::string_view wanted) const {
  return absl::OutOfRangeError(
      absl::StrCat(describe(), " ended after ", in_.size(), " bytes, before ",
                   absl::string_view(wanted.data(), wanted.size())));
}

absl::Status stream_core::over_limit(size_t limit) const {
  return absl::ResourceExhaustedError(absl::StrCat(
      describe(), ": what is to be read is longer than the limit of ", limit,
      " bytes"));
}

void stream_core::ready_to_read() { reads_.wake(); }

// -- Writing ------------------------------------------------------------------

absl::Status stream_core::cannot_write() const {
  if (closed_) {
    return closed_error();
  }
  if (core().closed()) return loop_core::closed_error();
  if (shut_) {
    return make_error(
        error_kind::invalid_state,
        absl::StrCat(describe(), ": write after shutdown_write()"));
  }
  return write_error_;
}

state_ref<value_state<void>> stream_core::failed(loop_core& core,
                                                 absl::Status error) {
  auto* const state = new promise_state<void>(core);
  state->settle_failed(std::move(error));
  state->mark_retrieved();  // The stream keeps it for the next one.
  return state_ref<value_state<void>>(state);
}

state_ref<value_state<void>> stream_core::share_gate(write_gate*& gate,
                                                     bool open) {
  if (gate != nullptr && gate->is_open() && (!open || gate->failed()) &&
      !gate->close()) {
    std::exchange(gate, nullptr)->leave();
  }
  if (gate == nullptr) gate = new write_gate(core(), *this);
  if (open && !gate->is_open()) gate->open();
  return share<value_state<void>>(*gate);
}

bool stream_core::partial_is_exhausted() const {
  return (device_ == device::stream_socket || device_ == device::pipe) &&
         io_calls::current().partial_is_exhausted();
}

ssize_t stream_core::send_parts(const iovec* parts, size_t count) {
  io_calls& calls = io_calls::current();
  for (;;) {
    const ssize_t n = is_socket() ? calls.send(fd(), parts, count)
                                  : calls.write(fd(), parts, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) write_would_block();
    return n;
  }
}

state_ref<value_state<void>> stream_core::write(const std::string_view* parts,
                                                size_t count,
                                                std::string* kept) {
  core().check_thread("stream::write()");
  if (!can_write()) return failed(core(), cannot_write());
  size_t part = 0;  // The first one that is not sent, and
  size_t at = 0;    // how much of it is.
  while (out_.empty() && writable() && part < count) {
    iovec vector[write_buffer::kMostParts];
    size_t used = 0;
    size_t wanted = 0;
    for (size_t i = part; i < count && used < write_buffer::kMostParts; ++i) {
      const size_t from = i == part ? at : 0;
      if (parts[i].size() == from) {
        if (used == 0) {
          ++part;  // Empty.
          at = 0;
        }
        continue;
      }
      vector[used].iov_base = const_cast<char*>(parts[i].data()) + from;
      vector[used].iov_len = parts[i].size() - from;
      wanted += vector[used++].iov_len;
    }
    if (used == 0) break;
    const ssize_t n = send_parts(vector, used);
    if (n < 0) {
      if (errno == EAGAIN) break;
      broken(errno);
      return failed(core(), write_error_);
    }
    if (static_cast<size_t>(n) < wanted && partial_is_exhausted()) {
      write_would_block();
    }
    for (size_t left = static_cast<size_t>(n); left > 0;) {
      const size_t here = std::min(left, parts[part].size() - at);
      left -= here;
      at += here;
      if (at == parts[part].size()) {
        ++part;
        at = 0;
      }
    }
  }
  if (kept != nullptr && part == 0 && at < kept->size()) {
    out_.append(std::move(*kept), at);
  } else {
    for (size_t i = part; i < count; ++i) {
      out_.append(parts[i].substr(i == part ? at : 0));
    }
  }
  // Those who wait already wait until it is drained, and so do newcomers.
  const bool waiting = drained_ != nullptr && !drained_->is_open();
  return share_gate(drained_,
                    !waiting && out_.size() <= high_water_ && may_go_on());
}

void stream_core::ready_to_write() {
  if (!out_.empty()) send_unsent();
}

void stream_core::send_unsent() {
  while (!out_.empty() && writable()) {
    iovec parts[write_buffer::kMostParts];
    const size_t count = out_.first(parts);
    size_t wanted = 0;
    for (size_t i = 0; i < count; ++i) wanted += parts[i].iov_len;
    const ssize_t n = send_parts(parts, count);
    if (n < 0) {
      if (errno != EAGAIN) {
        broken(errno);
        return;
      }
      break;
    }
    out_.sent(static_cast<size_t>(n));
    if (static_cast<size_t>(n) < wanted && partial_is_exhausted()) {
      write_would_block();
    }
  }
  after_sending();
}

void stream_core::open_if_drained() {
  if (drained_ != nullptr && !drained_->is_open() &&
      out_.size() <= high_water_ / 4) {
    drained_->open();
  }
}

void stream_core::after_sending() {
  open_if_drained();
  if (!out_.empty()) return;
  if (shut_) shut_down_now();
  if (flushed_ != nullptr && !flushed_->is_open()) flushed_->open();
}

void stream_core::broken(int error) {
  write_error_ = system_error(error, absl::StrCat(describe(), ": write"));
  // The system tells it once: a read would take it for the end. EPIPE says that
  // there was an end, or that a read has been told.
  reset_ = is_socket() && error != EPIPE;
  out_.clear();
  if (drained_ != nullptr) drained_->fail(write_error_);
  if (flushed_ != nullptr) flushed_->fail(write_error_);
}

state_ref<value_state<void>> stream_core::flush() {
  core().check_thread("stream::flush()");
  if (closed_ || !write_error_.ok()) return failed(core(), cannot_write());
  return share_gate(flushed_, out_.empty());
}

state_ref<value_state<void>> stream_core::shutdown_write() {
  core().check_thread("stream::shutdown_write()");
  if (closed_ || !write_error_.ok()) return failed(core(), cannot_write());
  shut_ = true;
  if (out_.empty()) shut_down_now();
  return share_gate(flushed_, out_.empty());
}

void stream_core::shut_down_now() {
  if (std::exchange(shut_down_, true)) return;
  if (is_socket()) {
    // Fails if the other side has gone already, which a read tells.
    ::shutdown(fd(), SHUT_WR);
  } else {
    // Nothing is read from the writing end of a pipe.
    closed_ = true;
    close_now(poller::removal::stays_open);
  }
}

bool stream_core::io_awaited() const {
  return reads_.waiting() || !out_.empty();
}

void stream_core::dropped(bool loop_closed) {
  out_.clear();
  if (loop_closed) {
    reads_.abandon();
    if (drained_ != nullptr) drained_->abandon();
    if (flushed_ != nullptr) flushed_->abandon();
    read_error_ = write_error_ = loop_core::closed_error();
    return;
  }
  const absl::Status why = make_error(
      error_kind::destroyed,
      absl::StrCat(describe(), ": its descriptor was closed by others"));
  closed_ = true;
  release();
  fail_waiting(why);
}

}  // namespace ratchet::internal
