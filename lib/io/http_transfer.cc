#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/internal/fatal.h"
#include "ratchet/internal/http_engine.h"
#include "ratchet/status.h"

namespace ratchet::internal {
namespace {

constexpr size_t kMostHeaderBytes = 256 * 1024;

absl::string_view view(std::string_view s) { return {s.data(), s.size()}; }

// RFC 9110, 5.6.2: what methods and names of fields are made of.
bool is_token(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
  }) && s.find('\0') == std::string_view::npos;
}

// No control characters, which could begin another field.
bool is_field_value(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) {
    return c == '\t' || !absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
}

struct url_part_deleter {
  void operator()(char* part) const { curl_free(part); }
};
struct url_deleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using url_ptr = std::unique_ptr<CURLU, url_deleter>;

std::string part_of(CURLU& url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(&url, which, &text, 0) != CURLUE_OK) return "";
  const std::unique_ptr<char, url_part_deleter> owner(text);
  return text;
}

// Whether what came is at fault, not the URL. libcurl has one code for both.
bool is_about_response(std::string_view words) {
  return words.find("HTTP/") != std::string_view::npos ||
         words.find("HTTP version") != std::string_view::npos;
}

absl::StatusCode code_of(CURLcode code, std::string_view words) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
      return is_about_response(words) ? absl::StatusCode::kDataLoss
                                      : absl::StatusCode::kInvalidArgument;
    case CURLE_URL_MALFORMAT:
      return absl::StatusCode::kInvalidArgument;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_NO_CONNECTION_AVAILABLE:
    case CURLE_PROXY:
      return absl::StatusCode::kUnavailable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return absl::StatusCode::kUnauthenticated;
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_OUT_OF_MEMORY:
      return absl::StatusCode::kResourceExhausted;
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_NOT_BUILT_IN:
      return absl::StatusCode::kFailedPrecondition;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kUnknown;
  }
}

http_version version_of(long version) {
  switch (version) {
    case CURL_HTTP_VERSION_1_0:
      return http_version::http_1_0;
    case CURL_HTTP_VERSION_1_1:
      return http_version::http_1_1;
    case CURL_HTTP_VERSION_2_0:
      return http_version::http_2;
    case CURL_HTTP_VERSION_3:
      return http_version::http_3;
    default:
      return http_version::any;
  }
}

long wanted_version(http_version version, bool https) {
  switch (version) {
    case http_version::http_1_0:
      return CURL_HTTP_VERSION_1_0;
    case http_version::http_1_1:
      return CURL_HTTP_VERSION_1_1;
    case http_version::http_2:
      return https ? CURL_HTTP_VERSION_2TLS
                   : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    case http_version::any:
    case http_version::http_3:
      break;
  }
  return CURL_HTTP_VERSION_2TLS;
}

// libcurl before 8.0 speaks HTTP/2 without TLS once on each connection, and
// then fails (curl/curl#10634).
bool can_share_clear_http2() {
  return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000;
}

long millis(absl::Duration d) {
  // 0 would be libcurl's own limit.
  return static_cast<long>(std::clamp<int64_t>(
      absl::ToInt64Milliseconds(d), 1, std::numeric_limits<int>::max()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<http_transfer>> http_transfer::make(
    http_request request, const http_client_options& options) {
  std::unique_ptr<http_transfer> made(new http_transfer(std::move(request)));
  absl::Status status = made->prepare(options);
  if (!status.ok()) return status;
  return made;
}

http_transfer::http_transfer(http_request request)
    : request_(std::move(request)), easy_(curl_easy_init()) {
  RATCHET_CHECK(easy_ != nullptr, "libcurl is out of memory");
}

http_transfer::~http_transfer() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_list_);
}

absl::Status http_transfer::prepare(const http_client_options& options) {
  absl::Status status = check_url();
  if (status.ok()) status = check_message();
  if (status.ok()) status = set_headers();
  if (!status.ok()) return status;
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // A name that is being looked up when the transfer ends is left to its
  // thread: waiting for that would block the loop.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, words_);
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &http_transfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &http_transfer::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!options.user_agent.empty()) {
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, options.user_agent.c_str());
  }
  if (options.proxy.has_value()) {
    curl_easy_setopt(easy_, CURLOPT_PROXY, options.proxy->c_str());
  }
  if (request_.compressed) {
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "");
  }
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION,
                   wanted_version(request_.version, https_));
  if (request_.version == http_version::http_2) {
    if (https_ || can_share_clear_http2()) {
      // Rather a stream of a connection that is being made than a second one.
      curl_easy_setopt(easy_, CURLOPT_PIPEWAIT, 1L);
    } else {
      curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
      curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
    }
  }
  set_method();
  set_limits();
  set_tls();
  return absl::OkStatus();
}

absl::Status http_transfer::check_url() {
  const url_ptr url(curl_url());
  const CURLUcode parsed =
      curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0);
  if (parsed != CURLUE_OK || request_.url.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("http: '", absl::CHexEscape(request_.url),
                     "' is no URL: ", curl_url_strerror(parsed)));
  }
  const std::string scheme = part_of(*url, CURLUPART_SCHEME);
  https_ = scheme == "https";
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  label_ = absl::StrCat(absl::CHexEscape(request_.method), " ",
                        part_of(*url, CURLUPART_URL));
  if (!https_ && scheme != "http") {
    return absl::InvalidArgumentError(
        absl::StrCat(label_, ": only http:// and https:// are known"));
  }
  return absl::OkStatus();
}

absl::Status http_transfer::check_message() const {
  if (!is_token(request_.method)) {
    return absl::InvalidArgumentError(
        absl::StrCat(label_, ": this is no method"));
  }
  if (request_.method == "HEAD" && !request_.body.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(label_, ": this method takes no body"));
  }
  for (const auto& [name, value] : request_.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat(label_, ": '", absl::CHexEscape(name),
                       "' is no name of a header, or its value is none"));
    }
  }
  return absl::OkStatus();
}

absl::Status http_transfer::set_headers() {
  const auto add = [this](const std::string& line) {
    curl_slist* const longer = curl_slist_append(header_list_, line.c_str());
    if (longer != nullptr) header_list_ = longer;
    return longer != nullptr;
  };
  bool added = true;
  for (const auto& [name, value] : request_.headers) {
    // libcurl's way to write a field that is empty is a semicolon.
    added &= add(value.empty() ? absl::StrCat(name, ";")
                               : absl::StrCat(name, ": ", value));
  }
  // What libcurl would add: a type that it cannot know, and a wait of a second
  // for servers that do not know "100 Continue".
  if (!request_.headers.contains("Content-Type")) added &= add("Content-Type:");
  if (!request_.headers.contains("Expect")) added &= add("Expect:");
  if (!added) return absl::ResourceExhaustedError(label_ + ": out of memory");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  return absl::OkStatus();
}

void http_transfer::set_method() {
  const std::string& method = request_.method;
  const bool has_body = !request_.body.empty() || method == "POST" ||
                        method == "PUT" || method == "PATCH";
  if (has_body) {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
  } else if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  }
  // Not needlessly: it would stay what it is through redirects.
  if (method != (has_body ? "POST" : "GET") && method != "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void http_transfer::set_limits() {
  if (request_.connect_timeout < request_.timeout) {
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     millis(request_.connect_timeout));
  } else {
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     long{std::numeric_limits<int>::max()});
  }
  if (request_.max_redirects > 0) {
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy_, CURLOPT_MAXREDIRS, long{request_.max_redirects});
  }
  // So that what is announced as too long need not come. 0 is no limit, and a
  // response without a body may announce one.
  constexpr size_t kMost = std::numeric_limits<curl_off_t>::max();
  if (request_.method != "HEAD") {
    curl_easy_setopt(
        easy_, CURLOPT_MAXFILESIZE_LARGE,
        static_cast<curl_off_t>(std::min(request_.max_response_bytes, kMost)));
  }
}

void http_transfer::set_tls() {
  const http_tls& tls = request_.tls;
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!tls.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, tls.ca_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }
  if (!tls.certificate_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_SSLCERT, tls.certificate_file.c_str());
  }
  if (!tls.key_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_SSLKEY, tls.key_file.c_str());
  }
}

size_t http_transfer::on_header(char* data, size_t one, size_t size,
                                void* self) {
  auto& t = *static_cast<http_transfer*>(self);
  return t.take_header(std::string_view(data, one * size)) ? one * size : 0;
}

bool http_transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMostHeaderBytes) {
    over_limit_ =
        absl::StrCat("the headers have more than ", kMostHeaderBytes, " bytes");
    return false;
  }
  const absl::string_view text = absl::StripAsciiWhitespace(view(line));
  if (absl::StartsWith(text, "HTTP/") && text.find(':') == text.npos) {
    // Another response: after a redirect, or one that says "continue".
    response_.headers.clear();
    response_.body.clear();
    return true;
  }
  const size_t colon = text.find(':');
  if (colon == text.npos) return true;  // The end, or nothing of sense.
  const absl::string_view name = text.substr(0, colon);
  const absl::string_view value =
      absl::StripAsciiWhitespace(text.substr(colon + 1));
  response_.headers.add(std::string(name), std::string(value));
  return true;
}

size_t http_transfer::on_body(char* data, size_t one, size_t size, void* self) {
  auto& t = *static_cast<http_transfer*>(self);
  const size_t bytes = one * size;
  if (bytes > t.request_.max_response_bytes - t.response_.body.size()) {
    t.over_limit_ = absl::StrCat("the body has more than ",
                                 t.request_.max_response_bytes, " bytes");
    return 0;
  }
  t.response_.body.append(data, bytes);
  return bytes;
}

absl::StatusOr<http_response> http_transfer::outcome(CURLcode code) {
  if (code != CURLE_OK) return error(code);
  read_info();
  return std::move(response_);
}

absl::Status http_transfer::timed_out() const {
  return make_error(error_kind::timeout,
                    absl::StrCat(label_, ": no response within ",
                                 absl::FormatDuration(request_.timeout)));
}

absl::Status http_transfer::error(CURLcode code) const {
  const std::string words =
      words_[0] != '\0' ? words_ : curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return make_error(error_kind::timeout, absl::StrCat(label_, ": ", words));
  }
  if (!over_limit_.empty()) {
    return absl::ResourceExhaustedError(
        absl::StrCat(label_, ": ", over_limit_));
  }
  if (code == CURLE_FILESIZE_EXCEEDED) {
    return absl::ResourceExhaustedError(
        absl::StrCat(label_, ": the body has more than ",
                     request_.max_response_bytes, " bytes: ", words));
  }
  return absl::Status(code_of(code, words), absl::StrCat(label_, ": ", words));
}

void http_transfer::read_info() {
  const auto number = [this](CURLINFO which) {
    long value = 0;
    curl_easy_getinfo(easy_, which, &value);
    return value;
  };
  const auto time = [this](CURLINFO which) {
    curl_off_t micros = 0;
    curl_easy_getinfo(easy_, which, &micros);
    return absl::Microseconds(micros);
  };
  response_.status = static_cast<int>(number(CURLINFO_RESPONSE_CODE));
  response_.version = version_of(number(CURLINFO_HTTP_VERSION));
  response_.redirects = static_cast<int>(number(CURLINFO_REDIRECT_COUNT));
  response_.new_connections = static_cast<int>(number(CURLINFO_NUM_CONNECTS));
  const char* url = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &url);
  response_.effective_url = url != nullptr ? url : request_.url;
  response_.timings.name_looked_up = time(CURLINFO_NAMELOOKUP_TIME_T);
  response_.timings.connected = time(CURLINFO_CONNECT_TIME_T);
  response_.timings.tls_done = time(CURLINFO_APPCONNECT_TIME_T);
  response_.timings.first_byte = time(CURLINFO_STARTTRANSFER_TIME_T);
  response_.timings.total = time(CURLINFO_TOTAL_TIME_T);
}

}  // namespace ratchet::internal
