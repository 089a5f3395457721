#ifndef RATCHET_IO_STANDARD_STREAMS_H_
#define RATCHET_IO_STANDARD_STREAMS_H_

#include "absl/status/statusor.h"
#include "ratchet/io/stream.h"

namespace ratchet {

// standard_input: descriptor 0 as a stream of the current loop, whatever it is.
//
//   absl::StatusOr<stream> input = standard_input();
//   ...
//   return await<&me::line>(input_.read_line());
//
// What is behind it is left as it is: it is shared with the shell that started
// the program, and with others of the same pipeline, and would not block for
// them either if it were made non-blocking here. So
//
//   a pipe, a terminal, a device    is opened a second time, as another
//                                   description of the same thing, which does
//                                   not block
//   anything else, and what cannot  is read by a thread, which passes it on
//   be opened: a file, /dev/null,   through a pipe
//   a socket
//
// The thread reads ahead, by 64 KiB and what the pipe holds, usually another
// 64: what it has read and the stream has not given is lost to others, to a
// child that inherits descriptor 0, for one. It ends with the stream, at the
// end, or with the process, which it does not hold up. A read of it that fails,
// as of a directory, is the end for the stream; why is printed on standard
// error.
//
// One stream at a time: two would each get parts. A terminal that belongs to
// another process group stops the program when it is read (SIGTTIN), as ever.
//
// Errors: kFailedPrecondition if descriptor 0 is closed, or was opened for
// writing alone; kResourceExhausted when descriptors or threads run out; those
// of stream::adopt().
absl::StatusOr<stream> standard_input(const stream_options& options = {});

// standard_output, standard_error: descriptors 1 and 2 as streams of the
// current loop, to be written to, whatever they are. The loop never waits for
// who reads them.
//
//   absl::StatusOr<stream> output = standard_output();
//   ...
//   return await<&me::written>(output_.write({line, "\n"}));
//
// What is behind them is left as it is, as by standard_input: a pipe, a
// terminal or a device is opened a second time; what is passed to a thread
// through a pipe is what cannot be opened or waited for: a file, which is
// written to from where it stands (at its end, if it was opened for that), with
// the others who have it; /dev/null; a socket.
//
// The thread is up to what the pipe holds, usually 64 KiB, behind: flush()
// waits for what is in front of it only. The end of the process by exit(), or
// from main(), waits until it has written everything, as long as that takes; by
// _exit() or a signal it does not. When the thread cannot write, as on a full
// disk, it prints the reason on standard error, and the stream breaks: the
// writes after that fail with kUnavailable.
//
// What printf and std::cout write goes its own way, and so do the two streams:
// where a thread writes, as into a file that is both, what is written by one
// way can be in front of what was written before by another. Any number of
// streams: what one write() gives to a pipe in one piece, up to 4 KiB, stays in
// one. Cancelling a write is *cancel-safe*, as of any stream.
//
// Errors: kFailedPrecondition if the descriptor is closed, or was opened for
// reading alone; kResourceExhausted when descriptors or threads run out; those
// of stream::adopt(). Of writes, kUnavailable when nobody reads any more; the
// process ignores SIGPIPE from then on (see stream::adopt()).
// Thread-safety: on the loop's thread only. Complexity: O(1); a handful of
// system calls, and a thread where one is needed.
absl::StatusOr<stream> standard_output(const stream_options& options = {});
absl::StatusOr<stream> standard_error(const stream_options& options = {});

namespace internal {

// The same as standard_input for another descriptor, which stays the caller's.
absl::StatusOr<stream> stream_of_shared(int descriptor,
                                        const stream_options& options);

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_IO_STANDARD_STREAMS_H_
