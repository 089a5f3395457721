// api_calls: Many calls of an API, some at a time, with time-outs and retries

// map_concurrent keeps a number of calls under way, retry tries again what may
// pass (503, a call that takes too long), http_error makes an error of a status
// that will not (404). Without --url it calls a server of its own, on which
// some of that happens.

#include <gflags/gflags.h>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "demos/flags.h"
#include "demos/http_server.h"
#include "ratchet/io/http.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/ratchet.h"
#include "ratchet/retry.h"

DEFINE_string(url, "",
              "what to call, with the number of the call behind it; empty: a "
              "server of the demo's own");
DEFINE_uint32(calls, 100, "how many");
DEFINE_uint32(concurrency, 8, "how many at a time");
DEFINE_uint32(attempts, 4, "how often to try each at most");
DEFINE_uint32(timeout, 500, "milliseconds for one attempt");

namespace {

// Every tenth item is not there at first (503), every tenth is slow at first,
// and every 25th does not exist.
class items final {
 public:
  demo::http_answer operator()(const demo::http_request& request) {
    absl::string_view rest = request.path;
    int item = 0;
    if (!absl::ConsumePrefix(&rest, "/item/") ||
        !absl::SimpleAtoi(rest, &item)) {
      return {404, "no such thing\n"};
    }
    const bool first = ++attempts_[item] == 1;
    if (item % 25 == 9) return {404, "no such item\n"};
    if (item % 10 == 3 && first) return {503, "busy\n"};
    demo::http_answer answer{200, absl::StrCat("item ", item, "\n")};
    answer.delay = absl::Milliseconds(5);
    if (item % 10 == 7 && first) answer.delay = absl::Seconds(60);
    return answer;
  }

 private:
  std::map<int, int> attempts_;
};

struct counts {
  size_t attempts = 0;
  size_t time_outs = 0;
  size_t connections = 0;
};

// The size of what is at `url`.
ratchet::future<size_t> call_once(ratchet::http_client& client,
                                  const std::string& url, counts& counts) {
  ++counts.attempts;
  ratchet::http_request request;
  request.url = url;
  request.timeout = absl::Milliseconds(FLAGS_timeout);
  return client.fetch(std::move(request))
      .then_result([&counts](absl::StatusOr<ratchet::http_response> response)
                       -> absl::StatusOr<size_t> {
        if (ratchet::is_timeout(response.status())) ++counts.time_outs;
        if (!response.ok()) return response.status();
        counts.connections += static_cast<size_t>(response->new_connections);
        absl::Status failed = ratchet::http_error(*response);
        if (!failed.ok()) return failed;
        return response->body.size();
      });
}

int call_all(ratchet::event_loop& loop, const std::string& url) {
  ratchet::http_client client;
  counts counts;
  std::vector<std::string> urls;
  for (uint32_t i = 0; i < FLAGS_calls; ++i)
    urls.push_back(absl::StrCat(url, i));
  ratchet::retry_options options;
  options.max_attempts = FLAGS_attempts;
  options.first_delay = absl::Milliseconds(20);

  const absl::Time began = loop.now();
  const auto results = loop.run_until_complete(ratchet::map_concurrent_settled(
      urls, FLAGS_concurrency, [&](const std::string& each) {
        return ratchet::retry(options, [&client, &counts, each] {
          return call_once(client, each, counts);
        });
      }));
  if (!results.ok()) {
    std::cerr << "api_calls: " << results.status() << '\n';
    return 1;
  }
  size_t good = 0;
  size_t bytes = 0;
  for (const absl::StatusOr<size_t>& result : *results) {
    if (result.ok()) {
      ++good;
      bytes += *result;
    } else {
      std::cout << absl::StatusCodeToString(result.status().code()) << ": "
                << result.status().message() << '\n';
    }
  }
  std::cout << absl::StrFormat(
      "%d calls, %d at a time: %d good (%d bytes), %d failed\n"
      "%d attempts, %d of them timed out; %d connections; %.1f s\n",
      FLAGS_calls, FLAGS_concurrency, good, bytes, FLAGS_calls - good,
      counts.attempts, counts.time_outs, counts.connections,
      absl::ToDoubleSeconds(loop.now() - began));
  return good > 0 || FLAGS_calls == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  demo::parse_flags(
      "calls an API many times. The status is 1 if no call went well.", &argc,
      &argv);
  if (argc > 1 || FLAGS_concurrency == 0 || FLAGS_attempts == 0 ||
      FLAGS_timeout == 0) {
    std::cerr << "api_calls: see api_calls --help\n";
    return 2;
  }
  ratchet::event_loop loop;
  if (!FLAGS_url.empty()) return call_all(loop, FLAGS_url);
  absl::StatusOr<std::unique_ptr<demo::http_server>> server =
      demo::http_server::start(items());
  if (!server.ok()) {
    std::cerr << "api_calls: " << server.status() << '\n';
    return 1;
  }
  return call_all(loop, absl::StrCat((*server)->url(), "/item/"));
}
