#ifndef RATCHET_INTERNAL_STREAM_CORE_H_
#define RATCHET_INTERNAL_STREAM_CORE_H_

// Included by the sources of io/stream.h: what is behind a stream.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "ratchet/internal/gate.h"
#include "ratchet/internal/io_descriptor.h"
#include "ratchet/internal/io_operation.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/runnable.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/state.h"

namespace ratchet::internal {

class stream_core;

// The read of a stream that is going on, with what was asked for.
class read_operation final : public io_operation {
 public:
  explicit read_operation(stream_core& stream);

  std::string describe_state() const override;

  stream_core* const stream;  // Gone, if it is left over.
  char* buffer = nullptr;
  size_t size = 0;      // Of the buffer, or what is asked for at most.
  size_t searched = 0;  // How much of what is buffered has no delimiter.
  // The delimiter; or, of read_all(), what has been copied since the end came.
  std::string text;
  bool copying = false;

 private:
  std::string already_awaited() const override;
};

// What has been read and not asked for.
//
// A stream that waits with nothing in it has no memory for it: the loop's
// streams hand a few blocks around, which so stay in the processor's cache.
class read_buffer {
 public:
  read_buffer() = default;
  read_buffer(const read_buffer&) = delete;
  read_buffer& operator=(const read_buffer&) = delete;
  ~read_buffer() { free_memory(); }

  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::string_view view() const {
    return std::string_view(memory_ + begin_, size());
  }
  // Hands out the first `n` bytes, which stay where they are until room() or
  // give_back().
  std::string_view take(size_t n);

  // Room behind what is there: for at least one byte, and for more the more
  // came the last times, but for no more than `most` together with what is
  // there, unless that is little.
  char* room(size_t most);
  size_t room_size() const { return capacity_ - end_; }
  void added(size_t n) {
    filled_ = n == room_size();
    end_ += n;
  }
  // Has no memory until room() is called next. REQUIRES: empty().
  void give_back();

 private:
  static constexpr size_t kLeast = 4 * 1024;
  static constexpr size_t kMostForSome = 64 * 1024;

  // From this size on, it is mapped: then what is there is not copied when it
  // grows, but its pages are moved, and the loop is held up no longer by more.
  static constexpr size_t kMapped = 1024 * 1024;

  void grow(size_t capacity);
  void free_memory();

  char* memory_ = nullptr;  // Owned.
  size_t capacity_ = 0;
  size_t least_ = kLeast;  // To begin with: more if more was given back.
  size_t begin_ = 0;
  size_t end_ = 0;
  bool filled_ = false;  // The last time, all the room there was.
};

// What was written and not sent: pieces, in order.
class write_buffer {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void append(std::string_view data);
  // The part of `data` from `from` on.
  void append(std::string&& data, size_t from);
  void clear();

  // The first of it, as many parts as fit; returns their number.
  static constexpr size_t kMostParts = 16;
  size_t first(iovec (&parts)[kMostParts]) const;
  void sent(size_t n);

 private:
  // A copy is appended to the last piece up to this size.
  static constexpr size_t kPiece = 16 * 1024;

  size_t size_ = 0;
  size_t next_ = 0;  // The piece that is sent next, and
  size_t at_ = 0;    // how much of it has been sent.
  std::vector<std::string> pieces_;
};

class stream_core final : public io_descriptor,
                          public runnable,
                          public slab_allocated<block_kind::plain> {
 public:
  // `other`: a terminal gives one line at a time, a packet socket one packet.
  enum class device { stream_socket, other_socket, pipe, other };

  stream_core(loop_core& core, device what, size_t high_water);

  // As io_descriptor::open(). REQUIRES: nothing has been read or written.
  absl::Status open(int fd, uint32_t interest);

  void set_name(std::string_view name);
  std::string describe() const;

  // Closes it and fails who waits.
  void close();
  // The stream is destroyed.
  void destroy();

  // -- Reading ----------------------------------------------------------------

  // An operation, claimed.
  state_ref<read_operation> begin_read();
  read_buffer& in() { return in_; }

  enum class received { some, nothing, end, failed };
  // Reads what there is into `into`, and says in `got` how much.
  received receive(char* into, size_t size, size_t& got);
  // The same, behind what is buffered.
  received receive_more(size_t most);
  // The error of a received::failed.
  absl::Status read_error() const { return read_error_; }
  // False if others have to have their turn first: then who reads is woken.
  bool may_go_on();
  // Copies what is buffered to `copy`, some of it; true if that was all.
  bool copy_more(std::string& copy);
  absl::Status ended_early(std::string_view wanted) const;
  absl::Status over_limit(size_t limit) const;

  // -- Writing ----------------------------------------------------------------

  // Sends what it can of `parts`, and keeps the rest: of `kept`, if it is given
  // and is the only part, without copying it.
  state_ref<value_state<void>> write(const std::string_view* parts,
                                     size_t count, std::string* kept);
  state_ref<value_state<void>> flush();
  state_ref<value_state<void>> shutdown_write();
  size_t unsent() const { return out_.size(); }

  bool io_awaited() const override;

 protected:
  void ready_to_read() override;
  void ready_to_write() override;
  void dropped(bool loop_closed) override;

 private:
  class write_gate;

  ~stream_core() override = default;

  received read_failed(const absl::Status& why);

  // Of others' turns, see may_go_on().
  void take_turn() override;
  void drop_turn() override {}

  bool is_socket() const { return device_ <= device::other_socket; }
  // A call did less than it was asked for: see io_calls.
  bool partial_is_exhausted() const;
  bool can_write() const {
    return !closed_ && !shut_ && write_error_.ok() && !core().closed();
  }
  absl::Status cannot_write() const;  // REQUIRES: !can_write().
  ssize_t send_parts(const iovec* parts, size_t count);
  void send_unsent();
  void open_if_drained();
  void after_sending();
  void broken(int error);
  void refuse_other_way();
  absl::Status closed_error() const;
  void fail_waiting(const absl::Status& error);
  void shut_down_now();
  static state_ref<value_state<void>> failed(loop_core& core,
                                             absl::Status error);
  state_ref<value_state<void>> share_gate(write_gate*& gate, bool open);

  static constexpr uint32_t kMostTurns = 32;
  // A quarter of a megabyte takes all of them.
  static constexpr size_t kBytesOfTurn = 8 * 1024;

  const device device_;
  bool end_ = false;        // Of what is read.
  bool shut_ = false;       // shutdown_write() was called, and
  bool shut_down_ = false;  // has been done.
  bool closed_ = false;
  bool resting_ = false;  // It is in the ready queue: see may_go_on().
  bool reset_ = false;    // A write was told so, in place of a read.
  uint32_t turns_ = 0;    // Without having to wait.
  // First what each read and write looks at: between two of them the kernel
  // has had the cache, and each line is a miss.
  io_operations reads_;            // Made when first needed, like the gates.
  write_gate* drained_ = nullptr;  // Open while little enough is unsent.
  absl::Status read_error_;
  absl::Status write_error_;
  const size_t high_water_;
  write_buffer out_;
  read_buffer in_;
  write_gate* flushed_ = nullptr;  // Open when nothing is, and shut down.
  std::string name_;
  int number_ = -1;  // What the descriptor is, or was.
  uint32_t interest_ = 0;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_STREAM_CORE_H_
