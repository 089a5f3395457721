#include "ratchet/io/serve.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ratchet/error_report.h"
#include "ratchet/internal/guarded.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet::internal {

step serve_base::start() {
  if (options_.max_connections == 0) {
    listener_.close();
    return fail(absl::InvalidArgumentError(
        "serve(): max_connections is 0, so that nothing would ever be "
        "accepted"));
  }
  absl::Status entered = group_.enter();
  if (!entered.ok()) return fail(std::move(entered));
  counter_ = std::make_shared<counter>();
  return next();
}

step serve_base::next() {
  if (counter_->active < options_.max_connections) {
    return await<&serve_base::connected>(listener_.accept());
  }
  counter_->place_free.clear();
  return await<&serve_base::place_is_free>(counter_->place_free.wait());
}

step serve_base::place_is_free(absl::Status status) {
  if (!status.ok()) return stop(std::move(status));
  return next();
}

step serve_base::connected(absl::StatusOr<accepted> connection) {
  if (connection.ok()) {
    begin(*std::move(connection));
    return next();
  }
  const error_kind kind = kind_of(connection.status());
  if (kind == error_kind::destroyed || kind == error_kind::closed) {
    return await<&serve_base::ended>(group_.leave());
  }
  return stop(connection.status());
}

step serve_base::stop(absl::Status why) {
  listener_.close();
  outcome_ = std::move(why);
  if (!is_cancelled(outcome_)) {
    group_.cancel("the listener has failed").IgnoreError();
    return await<&serve_base::ended>(group_.leave());
  }
  if (options_.grace <= absl::ZeroDuration()) {
    return await<&serve_base::ended>(group_.leave(outcome_));
  }
  grace_ = event_loop::current().call_later(options_.grace, [this] {
    group_.cancel(cancel_reason(outcome_)).IgnoreError();
  });
  return await<&serve_base::ended>(group_.leave());
}

step serve_base::ended(absl::Status status) {
  grace_.cancel();
  if (!status.ok()) return fail(std::move(status));
  return done(outcome_);
}

void serve_base::connection_failed(const socket_address& peer,
                                   const absl::Status& error) const {
  const auto report = [&peer](const absl::Status& what, const char* of) {
    loop_core::current("serve()").report(
        {error_report::cause::callback, what,
         absl::StrCat(of, "connection from ", peer.to_string()), ""});
  };
  if (options_.on_error == nullptr) {
    report(error, "");
    return;
  }
  call_guarded([&]() -> void { options_.on_error(peer, error); },
               [&report](const absl::Status& thrown) {
                 report(thrown, "serve_options::on_error of the ");
               });
}

}  // namespace ratchet::internal
