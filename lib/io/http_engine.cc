#include "ratchet/internal/http_engine.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "ratchet/clock.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/poller.h"
#include "ratchet/status.h"

namespace ratchet::internal {
namespace {

// Once for the process, and for good: other code may use libcurl, too.
void begin_libcurl() {
  static const CURLcode begun = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (begun != CURLE_OK)
    fatal("libcurl cannot be used: curl_global_init failed");
}

}  // namespace

// A transfer that libcurl has.
class http_state::under_way final {
 public:
  under_way(http_engine& engine, state_ref<http_state> s,
            std::unique_ptr<http_transfer> t)
      : transfer(std::move(t)), state(std::move(s)), limit_(engine, *this) {
    state->under_way_ = this;
  }

  // Of request.timeout.
  void arm(loop_core& core) {
    const absl::Duration timeout = transfer->request().timeout;
    if (timeout == absl::InfiniteDuration()) return;
    core.arm(limit_, deadline_after(core.now_ns(), timeout));
  }

  const std::unique_ptr<http_transfer> transfer;
  state_ref<http_state> state;
  std::list<std::unique_ptr<under_way>>::iterator place;

 private:
  class time_limit final : public loop_timer {
   public:
    time_limit(http_engine& engine, under_way& it) : engine_(engine), it_(it) {}
    void timer_due() override {
      engine_.finish(it_, it_.transfer->timed_out());
    }

   private:
    http_engine& engine_;
    under_way& it_;
  };

  time_limit limit_;
};

// A socket of libcurl's.
class http_engine::socket final : public io_watch,
                                  public slab_allocated<block_kind::plain> {
 public:
  socket(http_engine& engine, curl_socket_t fd) : engine_(engine), fd_(fd) {
    ++engine_.sockets_;
  }
  ~socket() override {
    engine_.core_.unwatch(*this, poller::removal::stays_open);
    --engine_.sockets_;
  }

  void io_ready(uint32_t events) override {
    int told = 0;
    if ((events & kIoReadable) != 0) told |= CURL_CSELECT_IN;
    if ((events & kIoWritable) != 0) told |= CURL_CSELECT_OUT;
    engine_.act(fd_, told);  // May destroy this.
  }
  // libcurl closed it without a word, or the loop is closed: both know.
  void io_dropped(bool /*loop_closed*/) override {}
  bool io_awaited() const override { return engine_.pending() > 0; }

 private:
  http_engine& engine_;
  const curl_socket_t fd_;
};

cancel_answer http_state::answer_cancel(const absl::Status& why) {
  mark_retrieved();
  if (done()) return {cancel_answer::kind::refused};
  state_ref<http_state> self;  // The transfer's reference.
  if (under_way_ != nullptr) self = engine_->end(*under_way_);
  settle_cancelled(why);
  return {cancel_answer::kind::accepted};
}

std::string http_state::describe_state() const {
  if (under_way_ == nullptr) return "http request";
  return absl::StrCat("http request ", under_way_->transfer->label());
}

http_engine::http_engine(loop_core& core, http_client_options options)
    : core_(core), options_(std::move(options)) {
  core_.add_state();
  begin_libcurl();
  multi_ = curl_multi_init();
  RATCHET_CHECK(multi_ != nullptr, "libcurl is out of memory");
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &http_engine::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &http_engine::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                    long{options_.connections_per_host});
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    long{options_.connections});
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                    long{options_.idle_connections});
  core_.arm(*this, kNever);
}

http_engine::~http_engine() {
  close();
  core_.remove_state();
}

void http_engine::close() {
  if (multi_ == nullptr) return;
  curl_multi_cleanup(multi_);  // Tells on_socket() of each that it closes.
  multi_ = nullptr;
  core_.disarm(*this);
  RATCHET_CHECK(sockets_ == 0, "libcurl has left sockets behind");
}

void http_engine::destroy(http_engine* engine) {
  const std::vector<state_ref<http_state>> states = engine->end_all();
  delete engine;
  // On a closed loop this drops who waits, and so may run the destructors of
  // users.
  for (const state_ref<http_state>& s : states) {
    s->settle_error(make_error(error_kind::destroyed,
                               "the http_client was destroyed before its "
                               "request was done"));
  }
}

void http_engine::timer_dropped() {
  const std::vector<state_ref<http_state>> states = end_all();
  close();
  // The destructors of users again, which may destroy this.
  for (const state_ref<http_state>& s : states) s->abandon();
}

future<http_response> http_engine::fetch(http_request request) {
  if (multi_ == nullptr) {
    return make_error_future<http_response>(loop_core::closed_error());
  }
  absl::StatusOr<std::unique_ptr<http_transfer>> made =
      http_transfer::make(std::move(request), options_);
  if (!made.ok()) return make_error_future<http_response>(made.status());
  state_ref<http_state> state(new http_state(core_, *this));
  state->ref();  // The consumer's.
  future<http_response> result{
      state_ref<value_state<http_response>>(state.get())};
  transfers_.push_back(std::make_unique<http_state::under_way>(
      *this, std::move(state), *std::move(made)));
  http_state::under_way& it = *transfers_.back();
  it.place = std::prev(transfers_.end());
  curl_easy_setopt(it.transfer->easy(), CURLOPT_PRIVATE, &it);
  const CURLMcode added = curl_multi_add_handle(multi_, it.transfer->easy());
  if (added != CURLM_OK) {
    finish(it, absl::InternalError(absl::StrCat(it.transfer->label(), ": ",
                                                curl_multi_strerror(added))));
    return result;
  }
  it.arm(core_);
  return result;
}

void http_engine::act(curl_socket_t fd, int events) {
  int running;
  const CURLMcode code = curl_multi_socket_action(multi_, fd, events, &running);
  collect();
  if (!scheduled()) core_.arm(*this, kNever);
  // A socket that has gone meanwhile is no error.
  if (code == CURLM_OK || code == CURLM_BAD_SOCKET) return;
  const absl::Status broken = absl::InternalError(
      absl::StrCat("libcurl cannot go on: ", curl_multi_strerror(code)));
  while (!transfers_.empty()) finish(*transfers_.front(), broken);
}

void http_engine::collect() {
  int left;
  while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* it = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &it);
    auto& done = *static_cast<http_state::under_way*>(it);
    finish(done, done.transfer->outcome(code));
  }
  for (const auto& [easy, why] : std::exchange(unwatched_, {})) {
    const auto it = std::find_if(
        transfers_.begin(), transfers_.end(),
        [easy = easy](const auto& t) { return t->transfer->easy() == easy; });
    if (it == transfers_.end()) continue;
    finish(**it, absl::Status(why.code(), absl::StrCat((*it)->transfer->label(),
                                                       ": ", why.message())));
  }
}

void http_engine::finish(http_state::under_way& it,
                         absl::StatusOr<http_response> outcome) {
  const state_ref<http_state> state = end(it);
  if (outcome.ok()) {
    state->settle_value(*std::move(outcome));
  } else {
    state->settle_error(std::move(outcome).status());
  }
}

state_ref<http_state> http_engine::end(http_state::under_way& it) {
  state_ref<http_state> state = std::move(it.state);
  state->under_way_ = nullptr;
  curl_multi_remove_handle(multi_, it.transfer->easy());
  transfers_.erase(it.place);
  return state;
}

std::vector<state_ref<http_state>> http_engine::end_all() {
  std::vector<state_ref<http_state>> states;
  states.reserve(transfers_.size());
  while (!transfers_.empty()) states.push_back(end(*transfers_.front()));
  return states;
}

int http_engine::on_socket(CURL* easy, curl_socket_t fd, int what, void* self,
                           void* known) {
  http_engine& engine = *static_cast<http_engine*>(self);
  auto* const s = static_cast<socket*>(known);
  if (what == CURL_POLL_REMOVE) {
    delete s;
    return 0;
  }
  absl::Status status = engine.watch(fd, what, s);
  if (!status.ok()) engine.unwatched_.emplace_back(easy, std::move(status));
  return 0;  // An error would end all transfers.
}

absl::Status http_engine::watch(curl_socket_t fd, int what, socket* known) {
  if (known == nullptr) {
    known = new socket(*this, fd);
    curl_multi_assign(multi_, fd, known);
  }
  uint32_t interest = 0;
  if ((what & CURL_POLL_IN) != 0) interest |= kIoReadable;
  if ((what & CURL_POLL_OUT) != 0) interest |= kIoWritable;
  if (interest == 0) {
    core_.unwatch(*known, poller::removal::stays_open);
    return absl::OkStatus();
  }
  interest |= kIoLevel;
  if (known->watched() >= 0) {
    if (core_.change_watch(*known, interest)) return absl::OkStatus();
    core_.unwatch(*known, poller::removal::stays_open);
  }
  return core_.watch(fd, interest, *known);
}

int http_engine::on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
  http_engine& engine = *static_cast<http_engine*>(self);
  loop_core& core = engine.core_;
  if (core.closed()) return 0;
  core.arm(engine,
           timeout_ms < 0
               ? kNever
               : deadline_after(core.now_ns(), absl::Milliseconds(timeout_ms)));
  return 0;
}

}  // namespace ratchet::internal
