#ifndef RATCHET_INTERNAL_HTTP_ENGINE_H_
#define RATCHET_INTERNAL_HTTP_ENGINE_H_

// Included by the sources of http.h: libcurl in a loop.

#include <curl/curl.h>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ratchet/internal/io_watch.h"
#include "ratchet/internal/loop_core.h"
#include "ratchet/internal/loop_timer.h"
#include "ratchet/internal/slab.h"
#include "ratchet/internal/state.h"
#include "ratchet/io/http.h"

namespace ratchet::internal {

class http_engine;

// One request as libcurl has it, and what has come of its response. Its
// callbacks only gather: they run nobody's code.
class http_transfer final {
 public:
  // kInvalidArgument for what is no request; kFailedPrecondition for what this
  // libcurl cannot do.
  static absl::StatusOr<std::unique_ptr<http_transfer>> make(
      http_request request, const http_client_options& options);
  http_transfer(const http_transfer&) = delete;
  http_transfer& operator=(const http_transfer&) = delete;
  ~http_transfer();

  CURL* easy() const { return easy_; }
  // "GET http://host/path".
  const std::string& label() const { return label_; }
  const http_request& request() const { return request_; }

  // What it has come to, once libcurl is done with it. Moves the response out.
  absl::StatusOr<http_response> outcome(CURLcode code);
  absl::Status timed_out() const;

 private:
  explicit http_transfer(http_request request);

  absl::Status prepare(const http_client_options& options);
  absl::Status check_url();
  absl::Status check_message() const;
  absl::Status set_headers();
  void set_method();
  void set_limits();
  void set_tls();
  absl::Status error(CURLcode code) const;
  void read_info();

  static size_t on_header(char* data, size_t one, size_t size, void* self);
  static size_t on_body(char* data, size_t one, size_t size, void* self);
  bool take_header(std::string_view line);

  http_request request_;
  std::string label_;
  CURL* easy_;
  curl_slist* header_list_ = nullptr;
  bool https_ = false;
  size_t header_bytes_ = 0;
  std::string over_limit_;  // Which one, if it is.
  http_response response_;
  char words_[CURL_ERROR_SIZE] = "";
};

// The state of the future that fetch() gives.
//
//             finish(outcome)                     +--> value, error
//   pending --answer_cancel(): ends the transfer -+--> cancelled
//             the loop is closed -----------------+--> abandoned
class http_state final : public plain_state<http_response> {
 public:
  http_state(loop_core& core, http_engine& engine)
      : plain_state<http_response>(core), engine_(&engine) {}

  cancel_answer answer_cancel(const absl::Status& why) override;
  std::string describe_state() const override;
  std::string_view kind_name() const override { return "http"; }

 private:
  friend class http_engine;
  class under_way;

  ~http_state() override = default;

  http_engine* const engine_;
  under_way* under_way_ = nullptr;  // Until it is settled, or abandoned.
};

// http_engine: a multi handle of libcurl's, whose sockets and timer are watched
// by a loop (curl_multi_socket_action). libcurl owns the sockets and says what
// it waits for; it expects to be told of levels.
//
// It is told what happens only from the loop, between two callbacks; futures
// that it settles then go on from the loop, too. So nobody calls libcurl while
// it is being called.
//
// Keeps the loop's core, and so may outlive its event_loop.
class http_engine final : private loop_timer {
 public:
  http_engine(loop_core& core, http_client_options options);
  http_engine(const http_engine&) = delete;
  http_engine& operator=(const http_engine&) = delete;

  future<http_response> fetch(http_request request);
  size_t pending() const { return transfers_.size(); }

  // Ends it, and fails what is pending.
  static void destroy(http_engine* engine);

 private:
  friend class http_state;
  class socket;

  ~http_engine() override;

  // libcurl's timer has expired.
  void timer_due() override { act(CURL_SOCKET_TIMEOUT, 0); }
  // It is always armed, if only for never: so this comes when the loop closes.
  void timer_dropped() override;

  void act(curl_socket_t fd, int events);
  void collect();
  void finish(http_state::under_way& it, absl::StatusOr<http_response> outcome);
  // Takes it from libcurl, which closes its connection, and destroys it.
  state_ref<http_state> end(http_state::under_way& it);
  std::vector<state_ref<http_state>> end_all();
  void close();

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self,
                       void* known);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  absl::Status watch(curl_socket_t fd, int what, socket* known);

  loop_core& core_;
  const http_client_options options_;
  CURLM* multi_;  // nullptr once the loop is closed.
  std::list<std::unique_ptr<http_state::under_way>> transfers_;
  // Whose socket could not be watched.
  std::vector<std::pair<CURL*, absl::Status>> unwatched_;
  size_t sockets_ = 0;
};

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_HTTP_ENGINE_H_
