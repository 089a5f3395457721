#ifndef DEMOS_HTTP_SERVER_H_
#define DEMOS_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ratchet/callback_handle.h"
#include "ratchet/event_loop.h"
#include "ratchet/future.h"

struct MHD_Daemon;

namespace demo {

struct http_request {
  std::string method;
  std::string path;  // "/a/b", without the query.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first header of this name, without regard to case; "" if there is none.
  std::string header(const std::string& name) const;
};

struct http_answer {
  int status = 200;
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Until it is sent. The loop goes on meanwhile.
  absl::Duration delay = {};
  // Breaks the connection after so many bytes of the body.
  std::optional<size_t> cut_after = {};
};

struct http_server_options {
  int port = 0;  // 0: a free one.
  // PEM; with both it is HTTPS.
  std::string certificate = {};
  std::string key = {};
};

// http_server: answers HTTP on 127.0.0.1, in the current loop, for demos and
// tests. libmicrohttpd does the work; its epoll descriptor is what the loop
// waits for (ratchet::readable).
//
//   auto server = demo::http_server::start(
//       [](const demo::http_request& r) {
//         return demo::http_answer{200, "You asked for " + r.path};
//       });
//   std::cout << (*server)->url() << '\n';   // "http://127.0.0.1:41234"
//
// As long as it lives the loop has something to wait for: run_forever() serves.
// Lifetime: ends before its loop. Thread-safety: on the loop's thread only.
class http_server final {
 public:
  // From the loop; may not destroy the server.
  using handler = std::function<http_answer(const http_request&)>;

  // kUnavailable if the port cannot be had.
  static absl::StatusOr<std::unique_ptr<http_server>> start(
      handler answer, const http_server_options& options = {});
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  ~http_server();

  // "http://127.0.0.1:41234".
  const std::string& url() const { return url_; }
  // All that were made, and those that are open.
  size_t connections() const { return connections_; }
  size_t open_connections() const { return open_; }

 private:
  class exchange;
  struct hooks;

  explicit http_server(handler answer) : answer_(std::move(answer)) {}

  void serve();
  void wait();

  handler answer_;
  std::string url_;
  MHD_Daemon* daemon_ = nullptr;
  int epoll_ = -1;
  size_t connections_ = 0;
  size_t open_ = 0;
  std::set<exchange*> delayed_;
  ratchet::future<void> ready_;
  ratchet::callback_handle timer_;
};

}  // namespace demo

#endif  // DEMOS_HTTP_SERVER_H_
