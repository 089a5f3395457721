// HTTP, from a server that answers when it is told to.

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "ratchet/io/http.h"
#include "ratchet/io/listener.h"
#include "ratchet/io/socket_address.h"
#include "tests/outcomes/subject.h"
#include "tests/outcomes/table.h"

namespace ratchet::outcomes {
namespace {

// Its connections are system calls.
class told_server final {
 public:
  explicit told_server(stage& on) : on_(on) {
    absl::StatusOr<listener> l = listener::listen(socket_address::loopback(0));
    EXPECT_TRUE(l.ok()) << l.status();
    listener_ = *std::move(l);
    address_ = listener_.address().to_string();
    // Of its own: the loop may be closed before it.
    descriptor_ = dup(listener_.descriptor());
  }
  told_server(const told_server&) = delete;
  told_server& operator=(const told_server&) = delete;
  ~told_server() {
    hang_up();
    close(descriptor_);
  }

  std::string url() const { return absl::StrCat("http://", address_, "/"); }

  // Waits for the request.
  void answer(std::string_view response) {
    for (int ms = 0; ms < 20'000 && !absl::EndsWith(request_, "\r\n\r\n");
         ++ms) {
      poll(nullptr, 0, 1);
      on_.turn(20);
      EXPECT_TRUE(connection_ < 0 || is_connected());
      take_connection();
    }
    EXPECT_EQ(send(connection_, response.data(), response.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(response.size()));
    hang_up();
  }

  // Whether there is a connection that the client has not ended.
  bool is_connected() {
    take_connection();
    if (connection_ < 0) return false;
    for (;;) {
      char buffer[4096];
      const ssize_t got =
          recv(connection_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      request_.append(buffer, static_cast<size_t>(got));
    }
  }

 private:
  void take_connection() {
    if (connection_ >= 0) return;
    connection_ = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  }
  void hang_up() {
    if (connection_ >= 0) close(std::exchange(connection_, -1));
  }

  stage& on_;
  listener listener_;
  std::string address_;
  int descriptor_ = -1;
  int connection_ = -1;
  std::string request_;
};

subject fetching(stage& on) {
  auto server = std::make_shared<told_server>(on);
  http_client_options options;
  options.proxy = "";
  auto client = std::make_shared<std::optional<http_client>>(options);
  subject made = awaits(
      [server, client] {
        http_request request;
        request.url = server->url();
        request.timeout = absl::InfiniteDuration();
        return (*client)->fetch(std::move(request));
      },
      [](const absl::StatusOr<http_response>& response) {
        if (!response.ok()) return word_of(response.status());
        return std::string(response->body == "x" ? "value" : "another value");
      });
  made.only_once = true;
  made.takes_real_time = true;
  const auto answer = [server] {
    server->answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  };
  made.give = answer;
  made.fail = [server] { server->answer(""); };
  made.destroy_source = [client] { client->reset(); };
  // There would be nothing to begin with.
  made.only_while_waiting.push_back(event::source_is_destroyed);
  made.fate = [server, client, answer, &on]() -> std::string {
    if (on.loop().is_closed()) {
      return server->is_connected() ? "connection stays" : "transfer ended";
    }
    if ((*client)->pending() == 0) {
      on.turn(100);  // Until libcurl has closed the connection.
      return server->is_connected() ? "connection stays" : "transfer ended";
    }
    answer();
    on.turn(100);
    return (*client)->pending() == 0 ? "transfer goes on" : "transfer hangs";
  };
  return made;
}

}  // namespace

std::vector<named_subject> http_subjects() {
  return {
      {"http_fetch", fetching},
  };
}

}  // namespace ratchet::outcomes
