#ifndef DEMOS_CHAT_H_
#define DEMOS_CHAT_H_

// The chat: what chat_server serves, as a library, so that tests have it, too.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/serve.h"
#include "ratchet/io/socket_address.h"
#include "ratchet/io/stream.h"
#include "ratchet/ratchet.h"

namespace chat {

// The protocol is lines, so that nc can speak it:
//
//   /nick NAME    is called NAME from now on        /who     who is in the room
//   /join ROOM    goes to another room, which       /rooms   which there are
//                 comes to be if it is not there    /help    these
//   anything else is said to the room               /quit    leaves
//
// What somebody says comes to all in the room, himself too, as "NAME: text";
// what the server says begins with "* ".
struct options {
  // Whoever comes into a room gets the last lines that were said there.
  size_t backlog = 20;
  // In bytes. Who sends a longer one has to go.
  size_t longest_line = 1000;
  // Who leaves so many bytes of what was said unread, beyond what the buffers
  // of the system take (up to some MiB), has to go: what is kept here for slow
  // readers is bounded.
  size_t most_unsent = 64 * 1024;
  // Who says more than so many lines a second, after as many at once, is heard
  // later: his lines wait where they are.
  double lines_a_second = 20;
  // Who leaves, or has to, gets what is left to be sent within this time.
  absl::Duration goodbye = absl::Seconds(2);
  size_t most_clients = 10'000;
};

class session;

// server: the rooms and who is in them.
// Lifetime: outlives the machines that serve() gives.
class server {
 public:
  explicit server(options o = {}) : options_(o) {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Serves who connects, until the machine is cancelled: then it tells all with
  // the reason, and ends when they have gone.
  auto serve(ratchet::listener& from);

  size_t clients() const { return names_.size(); }
  // How much is kept for those who have not read it yet.
  size_t unsent() const;

 private:
  friend class session;

  struct room {
    std::vector<session*> members;  // In the order in which they came.
    std::deque<std::string> said;   // The last lines.
  };

  // A name that nobody has.
  std::string new_name();
  bool rename(session& who, const std::string& name);
  void enter(session& who, const std::string& name);
  void leave(session& who, std::string_view why);
  void leave_unannounced(session& who);
  // To all in the room, and to those who come later.
  void say(const std::string& room, const std::string& line);
  // To all in it but one.
  void announce(const std::string& room, const std::string& line,
                const session* but = nullptr);

  const options options_;
  std::map<std::string, room> rooms_;
  std::map<std::string, session*> names_;
  uint64_t guests_ = 0;
};

// One client.
class session final : public ratchet::task<void> {
 public:
  session(server& s, ratchet::stream peer);
  session(session&& other) noexcept = default;
  ~session() override;

  step start();

  const std::string& name() const { return name_; }
  const std::string& where() const { return room_; }

 private:
  friend class server;

  // Sends a line. Never waits: who does not read it has to go at some point.
  void tell(std::string_view line);
  // Ends it, wherever it waits.
  void dismiss(const std::string& why);

  step next();
  step rested(absl::Status status);
  step got(absl::StatusOr<std::optional<std::string_view>> line);
  enum class farewell { usual, lingering, unannounced };
  step end(const std::string& why, farewell how = farewell::usual);
  step told(absl::Status status);
  step heard(absl::StatusOr<std::string_view> more);
  step ended(absl::Status status);

  // False if it was /quit.
  bool handle(const std::string& line);
  void change_name(const std::string& name);
  void change_room(const std::string& name);
  void list_members();
  void list_rooms();
  // How long until the next line may come.
  absl::Duration wait_for_turn();

  server* server_;
  ratchet::stream peer_;
  std::string name_;  // Empty when it is not in.
  std::string room_;
  std::string dismissed_;  // Why it has to go; empty if it has not.
  bool ending_ = false;
  bool linger_ = false;
  double lines_left_ = 0;
  absl::Time counted_at_;
  absl::Time last_moment_ = absl::InfiniteFuture();  // Of the goodbye.
  ratchet::task_handle self_;
};

inline auto server::serve(ratchet::listener& from) {
  ratchet::serve_options o;
  o.max_connections = options_.most_clients;
  // A connection that breaks is somebody who leaves.
  o.on_error = [](const ratchet::socket_address&, const absl::Status&) {};
  return ratchet::serve(
      from,
      [this](ratchet::accepted a) {
        return session(*this, std::move(a.stream));
      },
      std::move(o));
}

// What may come in a line, and go to the terminals of others: control
// characters come to be "?".
std::string printable(std::string_view text);

// Of a person or a room: 1 to 20 letters, digits, "-" and "_".
bool is_name(std::string_view text);

}  // namespace chat

#endif  // DEMOS_CHAT_H_
