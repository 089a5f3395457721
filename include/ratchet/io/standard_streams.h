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
// end, or with the process, which it does not hold up.
//
// One stream at a time: two would each get parts. A terminal that belongs to
// another process group stops the program when it is read (SIGTTIN), as ever.
//
// Errors: kFailedPrecondition if descriptor 0 is closed, or was opened for
// writing alone; kResourceExhausted when descriptors or threads run out; those
// of stream::adopt().
absl::StatusOr<stream> standard_input(const stream_options& options = {});

namespace internal {

// The same for another descriptor, which stays the caller's.
absl::StatusOr<stream> stream_of_shared(int descriptor,
                                        const stream_options& options);

}  // namespace internal
}  // namespace ratchet

#endif  // RATCHET_IO_STANDARD_STREAMS_H_
