#include "ratchet/io/http.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/event_loop.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/http_engine.h"
#include "ratchet/internal/loop_core.h"

namespace ratchet {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(absl::string_view(a.data(), a.size()),
                                absl::string_view(b.data(), b.size()));
}

absl::StatusCode code_of(int status) {
  switch (status) {
    case 400:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
    case 410:
      return absl::StatusCode::kNotFound;
    case 408:
    case 504:
      return absl::StatusCode::kDeadlineExceeded;
    case 409:
      return absl::StatusCode::kAborted;
    case 429:
    case 502:
    case 503:
      return absl::StatusCode::kUnavailable;
    case 501:
      return absl::StatusCode::kUnimplemented;
    default:
      return status >= 500 ? absl::StatusCode::kInternal
                           : absl::StatusCode::kFailedPrecondition;
  }
}

}  // namespace

void http_headers::set(std::string name, std::string value) {
  fields_.erase(
      std::remove_if(fields_.begin(), fields_.end(),
                     [&](const field& f) { return same_name(f.first, name); }),
      fields_.end());
  add(std::move(name), std::move(value));
}

std::optional<std::string_view> http_headers::get(std::string_view name) const {
  for (const auto& [its_name, value] : fields_) {
    if (same_name(its_name, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> http_headers::get_all(
    std::string_view name) const {
  std::vector<std::string_view> all;
  for (const auto& [its_name, value] : fields_) {
    if (same_name(its_name, name)) all.push_back(value);
  }
  return all;
}

absl::Status http_error(const http_response& response) {
  if (response.status < 400) return absl::OkStatus();
  return absl::Status(code_of(response.status),
                      absl::StrCat("HTTP status ", response.status, " for ",
                                   response.effective_url));
}

http_client::http_client(const http_client_options& options)
    : engine_(new internal::http_engine(
          internal::loop_core::current("http_client"), options)) {}

http_client::http_client(event_loop& loop, const http_client_options& options)
    : engine_(new internal::http_engine(internal::core_of(loop), options)) {}

http_client::http_client(http_client&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)) {}

http_client& http_client::operator=(http_client&& other) noexcept {
  const http_client old(std::move(*this));
  engine_ = std::exchange(other.engine_, nullptr);
  return *this;
}

http_client::~http_client() {
  if (engine_ != nullptr) internal::http_engine::destroy(engine_);
}

future<http_response> http_client::fetch(http_request request) {
  RATCHET_CHECK(engine_ != nullptr,
                "fetch() was called on an http_client that was moved from");
  return engine_->fetch(std::move(request));
}

future<http_response> http_client::get(std::string url) {
  http_request request;
  request.url = std::move(url);
  return fetch(std::move(request));
}

size_t http_client::pending() const {
  return engine_ == nullptr ? 0 : engine_->pending();
}

}  // namespace ratchet
