#ifndef RATCHET_IO_STREAM_H_
#define RATCHET_IO_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/io_operation.h"
#include "ratchet/internal/state.h"
#include "ratchet/task.h"

namespace ratchet {
namespace internal {

class stream_core;

// How each function of a stream tries: see from_operation.
struct read_into_attempt {
  using result_type = size_t;
  static constexpr std::string_view kName = "stream::read_some";
  static std::optional<absl::StatusOr<size_t>> attempt(io_operation& op);
};
struct read_some_attempt {
  using result_type = std::string_view;
  static constexpr std::string_view kName = "stream::read_some";
  static std::optional<absl::StatusOr<std::string_view>> attempt(
      io_operation& op);
};
struct read_exactly_attempt {
  using result_type = std::string_view;
  static constexpr std::string_view kName = "stream::read_exactly";
  static std::optional<absl::StatusOr<std::string_view>> attempt(
      io_operation& op);
};
struct read_until_attempt {
  using result_type = std::string_view;
  static constexpr std::string_view kName = "stream::read_until";
  static std::optional<absl::StatusOr<std::string_view>> attempt(
      io_operation& op);
};
struct read_line_attempt {
  using result_type = std::optional<std::string_view>;
  static constexpr std::string_view kName = "stream::read_line";
  static std::optional<absl::StatusOr<std::optional<std::string_view>>> attempt(
      io_operation& op);
};
struct read_all_attempt {
  using result_type = std::string;
  static constexpr std::string_view kName = "stream::read_all";
  static std::optional<absl::StatusOr<std::string>> attempt(io_operation& op);
};

}  // namespace internal

struct stream_options {
  // write() lets its task wait while more than this is unsent, in bytes, until
  // no more than a quarter of it is (asyncio's limits of a transport).
  size_t high_water = 64 * 1024;
};

// stream: bytes in and out of a socket, a pipe or a terminal, in the current
// loop (asyncio's StreamReader and StreamWriter in one).
//
//   step start() { return await<&me::line>(peer_.read_line()); }
//   step line(std::optional<std::string_view> l) {
//     if (!l.has_value()) return done();               // The end.
//     return await<&me::start>(peer_.write({*l, "\n"}));
//   }
//
// Reading. One task at a time reads (kFailedPrecondition for one that begins to
// await while another does, error_kind::invalid_state), and another may write.
// What a read gives as a std::string_view stands in the stream's buffer, until
// the next read is awaited or the stream is destroyed. All of them but
// read_some() gather in that buffer, so that nothing is lost when they fail or
// are cancelled: *cancel-safe*, the next read begins with what is there. A read
// that has to wait allocates nothing, and while nothing is buffered there is no
// buffer: one of 4 KiB or more comes from the thread's slab when there is
// something to read, and goes back before the next wait.
//
// Writing. A write sends what the system takes, at once, in the call; the rest
// is copied, and sent in the order of the calls as soon as the system takes
// more. Awaiting what it gives is the back-pressure: it goes on at once while
// no more than options.high_water bytes are unsent. So cancelling it is
// *cancel-safe*: what was written will be sent. Who never awaits has to look at
// unsent().
//
// Errors of reads: kOutOfRange when the end comes too early, and kUnavailable
// when the connection is broken ("reset by peer"): the message says how much is
// there, which can still be read with read_some(); kResourceExhausted when a
// limit is passed (nothing is consumed). Of writes: kUnavailable for a broken
// connection, from then on; kFailedPrecondition (error_kind::invalid_state)
// after shutdown_write(). Of both: kFailedPrecondition
// (error_kind::invalid_state) for what was opened for the other one alone, an
// end of a pipe, for one; kFailedPrecondition (error_kind::closed)
// after close(), of the stream or its loop; kAborted (error_kind::destroyed)
// for a task that waits for a stream that is destroyed or closed.
//
// Fairness: after 32 reads or writes, or a quarter of a megabyte read, without
// having to wait, the task goes on in the next iteration.
//
// Move-only; the machines that were given by its functions stay valid when it
// is moved. Destroying it closes it. Thread-safety: on the loop's thread only.
class stream {
 public:
  template <class Attempt>
  using reading = internal::io_awaitable<Attempt>;
  class writing;
  class write_task;

  stream() =
      default;  // Empty: valid() is false, and nothing else may be called.
  stream(stream&& other) noexcept;
  stream& operator=(stream&& other) noexcept;
  ~stream();

  // Takes `descriptor` over, closing it on an error: a connected socket, a
  // pipe, a terminal, a device; no regular file (kFailedPrecondition). Makes it
  // non-blocking, which all who share what is behind it see. A pipe makes the
  // process ignore SIGPIPE, if that is as the system set it.
  static absl::StatusOr<stream> adopt(int descriptor,
                                      const stream_options& options = {});

  bool valid() const { return core_ != nullptr; }
  explicit operator bool() const { return valid(); }

  // -- Reading ----------------------------------------------------------------

  // At least one byte, and what else is there, up to `size`; 0 is the end. Into
  // `buffer`, which outlives the wait, with no copy in between. *Cancel-safe*:
  // nothing has been read then. A `size` of 0 gives 0 at once.
  reading<internal::read_into_attempt> read_some(char* buffer, size_t size);
  // The same in the stream's own buffer; empty is the end.
  reading<internal::read_some_attempt> read_some(size_t most = 64 * 1024);

  // `size` bytes.
  reading<internal::read_exactly_attempt> read_exactly(size_t size);

  // Up to and with the next `delimiter`, which is not empty. kResourceExhausted
  // if more than `limit` bytes come before it is complete.
  reading<internal::read_until_attempt> read_until(std::string_view delimiter,
                                                   size_t limit = 64 * 1024);

  // The next line without its "\n" or "\r\n"; the last one need not have it.
  // nullopt is the end. `limit` as above.
  reading<internal::read_line_attempt> read_line(size_t limit = 64 * 1024);

  // All until the end. kResourceExhausted for more than `limit` bytes.
  reading<internal::read_all_attempt> read_all(size_t limit);

  // -- Writing ----------------------------------------------------------------

  writing write(std::string_view data);
  // All parts, in order, in one system call if they fit.
  writing write(std::initializer_list<std::string_view> parts);
  // `data` is kept, not copied, if not all of it can be sent at once.
  template <class String,
            std::enable_if_t<std::is_same_v<String, std::string>, int> = 0>
  writing write(String&& data);

  // Waits until all that was written has been given to the system.
  writing flush();

  // Nothing more is written: when what was has been sent, the other side sees
  // the end (of a socket: half-close, reading goes on). Awaiting waits for
  // that; it happens without, too.
  writing shutdown_write();

  // Bytes that were written and not sent.
  size_t unsent() const;
  // Bytes that were read and not asked for.
  size_t buffered() const;

  // Closes it now: what is unsent is lost, and who waits fails with kAborted.
  // Nothing for a stream that is closed.
  void close();
  bool is_closed() const;
  // That of a socket, a pipe, ...: -1 once it is closed. Not to be read,
  // written or closed by others.
  int descriptor() const;
  // Gives the descriptor up, without closing it; -1 if it is closed. What is
  // unsent, or read and not asked for, is lost.
  int release();

  // What reports and errors call it: "stream 7" unless a name was given.
  void set_name(std::string_view name);

 private:
  explicit stream(internal::stream_core* core) : core_(core) {}
  internal::stream_core& core() const;
  writing write_kept(std::string& data);

  internal::stream_core* core_ = nullptr;  // Owned.
};

// What write(), flush() and shutdown_write() give: has happened, or failed,
// already; awaited, it is no machine: the task waits for a gate.
class [[nodiscard]] stream::writing : public internal::direct_awaitable {
 public:
  using machine = write_task;
  using result_type = void;
  using source = internal::from_shared_future<void>;

  explicit writing(internal::state_ref<internal::value_state<void>> state)
      : state_(std::move(state)) {}

  // What there is to be known without waiting: the error, or OK.
  absl::Status status() const;
  // Whether awaiting goes on at once.
  bool ready() const {
    RATCHET_CHECK(static_cast<bool>(state_), kMovedFrom);
    return state_->done();
  }

  internal::future_state* take_source() {
    RATCHET_CHECK(static_cast<bool>(state_), kMovedFrom);
    return state_.release();
  }

 private:
  static constexpr char kMovedFrom[] =
      "what a write gave was used after it had been awaited or moved from";

  internal::state_ref<internal::value_state<void>> state_;
};

template <class String,
          std::enable_if_t<std::is_same_v<String, std::string>, int>>
stream::writing stream::write(String&& data) {
  return write_kept(data);
}

// The same as a task of its own.
class stream::write_task final : public task<void> {
 public:
  explicit write_task(writing w) : writing_(std::move(w)) {}
  step start() { return await<&write_task::ended>(std::move(writing_)); }
  std::string task_name() const override { return "stream::write"; }

 private:
  step ended(absl::Status outcome) { return done(std::move(outcome)); }

  writing writing_;
};

}  // namespace ratchet

#endif  // RATCHET_IO_STREAM_H_
