// chat_client: Talks to chat_server: what is typed, or what --say says

// Two tasks: one sends what comes on standard input, the other prints what the
// server sends. When the input ends, so does what is sent; the server answers
// with its own end, and that is the end of both.
//
//   chat_client --server=localhost:4242 --nick=ada --room=den
//   chat_client --say='hello|goodbye'

#include <gflags/gflags.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "demos/flags.h"
#include "ratchet/io/connect.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/standard_streams.h"
#include "ratchet/io/stream.h"
#include "ratchet/ratchet.h"
#include "ratchet/thread/thread_pool.h"

DEFINE_string(server, "127.0.0.1:4242", "HOST:PORT, or unix:PATH");
DEFINE_string(nick, "", "how to be called");
DEFINE_string(room, "", "which room to go to");
DEFINE_string(say, "",
              "lines to say in place of standard input, with | in between");
DEFINE_double(timeout, 10, "how many seconds connecting may take");

namespace {

// What the server sends, on standard output.
class printer final : public ratchet::task<void> {
 public:
  explicit printer(ratchet::stream& server) : server_(server) {}
  step start() { return await<&printer::got>(server_.read_some()); }

 private:
  step got(std::string_view text) {
    if (text.empty()) return done();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    return start();
  }

  ratchet::stream& server_;
};

// What is typed, to the server.
class typist final : public ratchet::task<void> {
 public:
  typist(ratchet::stream& server, ratchet::stream input)
      : server_(server), input_(std::move(input)) {}
  step start() { return await<&typist::typed>(input_.read_line()); }

 private:
  step typed(std::optional<std::string_view> line) {
    if (!line.has_value())
      return await<&typist::ended>(server_.shutdown_write());
    return await<&typist::start>(server_.write({*line, "\n"}));
  }
  step ended() { return done(); }

  ratchet::stream& server_;
  ratchet::stream input_;
};

class main_task final : public ratchet::task<void> {
 public:
  explicit main_task(ratchet::thread_pool& pool) : pool_(pool) {}

  step start() {
    const absl::Duration limit = absl::Seconds(FLAGS_timeout);
    absl::StatusOr<ratchet::socket_address> address =
        ratchet::socket_address::parse(FLAGS_server);
    if (address.ok()) {
      return await<&main_task::connected>(
          ratchet::with_timeout(ratchet::connect(*address), limit));
    }
    const size_t colon = FLAGS_server.rfind(':');
    uint32_t port = 0;
    if (colon == std::string::npos ||
        !absl::SimpleAtoi(FLAGS_server.substr(colon + 1), &port) ||
        port > 65535) {
      return fail(address.status());
    }
    return await<&main_task::connected>(ratchet::with_timeout(
        ratchet::connect(pool_, FLAGS_server.substr(0, colon),
                         static_cast<uint16_t>(port)),
        limit));
  }

 private:
  step connected(ratchet::stream server) {
    server_ = std::move(server);
    std::string first;
    if (!FLAGS_nick.empty())
      absl::StrAppend(&first, "/nick ", FLAGS_nick, "\n");
    if (!FLAGS_room.empty())
      absl::StrAppend(&first, "/join ", FLAGS_room, "\n");
    for (const std::string& line :
         std::vector<std::string>(absl::StrSplit(FLAGS_say, '|'))) {
      if (!line.empty()) absl::StrAppend(&first, line, "\n");
    }
    static_cast<void>(server_.write(std::move(first)));
    if (FLAGS_say.empty()) {
      absl::StatusOr<ratchet::stream> input = ratchet::standard_input();
      if (!input.ok()) return fail(input.status());
      typing_ = ratchet::create_task(typist(server_, *std::move(input)));
    } else {
      static_cast<void>(server_.shutdown_write());
    }
    // However long somebody types: the end is the server's.
    return await<&main_task::over>(printer(server_));
  }
  step over(absl::Status status) {
    if (typing_.valid() && typing_.done()) typing_.status().IgnoreError();
    return done(std::move(status));
  }

  ratchet::thread_pool& pool_;
  ratchet::stream server_;
  ratchet::future<void> typing_;
};

}  // namespace

int main(int argc, char** argv) {
  demo::parse_only_flags(
      "a client for chat_server.\n\n"
      "  chat_client [flags]   sends what is typed, until its end (Ctrl-D)",
      argc, argv);
  ratchet::thread_pool pool(1);
  const absl::Status status = ratchet::run(main_task(pool));
  if (status.ok()) return 0;
  std::fprintf(stderr, "chat_client: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
