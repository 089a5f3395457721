// chat_server: Rooms, nicknames and slow readers, for chat_client and nc

// Who connects talks to those in his room; what can be said is in chat.h.
// SIGINT and SIGTERM end it: all are told, get what is still to be sent, within
// two seconds, and it ends with 0.
//
//   chat_server --address=0.0.0.0:4242
//   nc 127.0.0.1 4242

#include <gflags/gflags.h>
#include <signal.h>

#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "demos/chat.h"
#include "demos/flags.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/signals.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/ratchet.h"

DEFINE_string(address, "127.0.0.1:4242",
              "where to listen: HOST:PORT, port 0 for any, or unix:PATH");
DEFINE_uint64(backlog, 20, "how many lines who comes into a room gets");
DEFINE_uint64(most_unsent, 64 * 1024,
              "who leaves so many bytes unread has to go; what the system's "
              "buffers hold, which may be some MiB, is not counted");

class main_task final : public ratchet::task<void> {
 public:
  main_task(chat::server& s, ratchet::listener& l) : server_(s), listener_(l) {}

  step start() {
    absl::StatusOr<ratchet::socket_address> where =
        ratchet::socket_address::parse(FLAGS_address);
    if (!where.ok()) return fail(where.status());
    // Before anybody can know that there is a server.
    absl::StatusOr<ratchet::signal_watcher> watcher =
        ratchet::signal_watcher::watch({SIGINT, SIGTERM});
    if (!watcher.ok()) return fail(watcher.status());
    signals_ = *std::move(watcher);
    absl::StatusOr<ratchet::listener> made = ratchet::listener::listen(*where);
    if (!made.ok()) return fail(made.status());
    listener_ = *std::move(made);
    std::printf("listening on %s\n", listener_.address().to_string().c_str());
    std::fflush(stdout);
    serving_ = ratchet::create_task(server_.serve(listener_)).share();
    stopping_ = ratchet::create_task(signals_.next())
                    .then([serving = serving_](int) mutable {
                      serving.cancel("the server stops");
                    });
    return await<&main_task::stopped>(serving_);
  }

 private:
  step stopped(absl::Status status) {
    if (!ratchet::is_cancelled(status)) return done(std::move(status));
    std::printf("stopped\n");
    return done();
  }

  chat::server& server_;
  ratchet::listener& listener_;
  ratchet::signal_watcher signals_;
  ratchet::shared_future<void> serving_;
  ratchet::future<void> stopping_;
};

int main(int argc, char** argv) {
  demo::parse_only_flags(
      "a server for chat_client, or for nc.\n\n"
      "  chat_server [flags]   until it gets SIGINT (Ctrl-C) or SIGTERM",
      argc, argv);
  chat::options options;
  options.backlog = FLAGS_backlog;
  options.most_unsent = FLAGS_most_unsent;
  chat::server server(options);
  ratchet::listener listener;
  const absl::Status status = ratchet::run(main_task(server, listener));
  if (status.ok()) return 0;
  std::fprintf(stderr, "chat_server: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
