// crawler: Follows the links of a site, several pages at a time, politely

// A queue of pages, and workers that take from it: each asks when its host may
// be asked next, sleeps until then, fetches the page and puts its links into
// the queue. The crawl is over when all that was put has been done
// (queue::join).

#include <gflags/gflags.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "demos/crawl_report.h"
#include "demos/flags.h"
#include "demos/generated_site.h"
#include "demos/http_server.h"
#include "demos/links.h"
#include "ratchet/io/http.h"
#include "ratchet/io/signals.h"
#include "ratchet/ratchet.h"
#include "ratchet/sync/queue.h"

DEFINE_uint32(limit, 200, "how many pages to fetch at most");
DEFINE_uint32(depth, 20, "how many links to follow from the start at most");
DEFINE_uint32(concurrency, 8, "how many pages to fetch at a time");
DEFINE_uint32(delay, 0,
              "milliseconds between two requests to the same host, at least");
DEFINE_uint32(timeout, 10, "seconds for one page");
DEFINE_bool(other_hosts, false, "follow links to other hosts, too");
DEFINE_bool(serve, false,
            "serve a site of generated pages to crawl, until interrupted");
DEFINE_int32(port, 0, "of the generated site; 0: a free one");
DEFINE_uint32(pages, 200, "of the generated site");

namespace {

struct page {
  std::string url;
  uint32_t depth;
};

// What the workers share.
struct crawl {
  ratchet::http_client client;
  ratchet::queue<page> to_do;
  std::string host;
  std::set<std::string> seen;
  std::map<std::string, absl::Time> next_turn;  // Of each host.
  demo::crawl_report report;

  void put(std::string url, uint32_t depth) {
    if (seen.size() == FLAGS_limit || depth > FLAGS_depth) return;
    if (!FLAGS_other_hosts && demo::host_of(url) != host) return;
    if (!seen.insert(url).second) return;
    to_do.put_nowait({std::move(url), depth}).IgnoreError();
  }

  // When the host of `url` may be asked next: nobody else gets that time.
  absl::Time turn(const std::string& url, absl::Time now) {
    absl::Time& next = next_turn[demo::host_of(url)];
    const absl::Time turn = std::max(now, next);
    next = turn + absl::Milliseconds(FLAGS_delay);
    return turn;
  }
};

class worker final : public ratchet::task<void> {
 public:
  explicit worker(crawl& c) : crawl_(c) {}
  step start() { return await<&worker::got>(crawl_.to_do.get()); }

 private:
  step got(absl::StatusOr<page> p) {
    if (!p.ok()) return done();  // Shut down.
    page_ = *std::move(p);
    const absl::Time now = ratchet::event_loop::current().now();
    return sleep_until<&worker::fetch>(crawl_.turn(page_.url, now));
  }

  step fetch() {
    began_ = ratchet::event_loop::current().now();
    ratchet::http_request request;
    request.url = page_.url;
    request.timeout = absl::Seconds(FLAGS_timeout);
    return await<&worker::fetched>(crawl_.client.fetch(std::move(request)));
  }

  step fetched(absl::StatusOr<ratchet::http_response> response) {
    if (ratchet::is_cancelled(response.status())) {
      return fail(response.status());
    }
    demo::crawl_report::page result;
    result.url = page_.url;
    result.took = ratchet::event_loop::current().now() - began_;
    result.error = response.status();
    if (response.ok()) {
      result.status = response->status;
      result.bytes = response->body.size();
      if (response->ok()) follow(*response);
    }
    crawl_.report.add(std::move(result));
    crawl_.to_do.task_done().IgnoreError();
    return start();
  }

  void follow(const ratchet::http_response& response) {
    const std::optional<std::string_view> type =
        response.headers.get("Content-Type");
    if (type.has_value() && type->find("html") == std::string_view::npos)
      return;
    for (const std::string& link : demo::extract_links(response.body)) {
      std::optional<std::string> url =
          demo::resolve_link(response.effective_url, link);
      if (url.has_value()) crawl_.put(*std::move(url), page_.depth + 1);
    }
  }

  crawl& crawl_;
  page page_;
  absl::Time began_;
};

// A line on standard error, if somebody looks at it.
class progress final : public ratchet::task<void> {
 public:
  explicit progress(const crawl& c) : crawl_(c) {}
  step start() { return await<&progress::tick>(often_.next()); }

 private:
  step tick() {
    std::cerr << '\r' << crawl_.report.pages() << " of " << crawl_.seen.size()
              << " pages, " << crawl_.report.bytes() << " bytes" << std::flush;
    return start();
  }

  const crawl& crawl_;
  ratchet::interval often_{absl::Milliseconds(100)};
};

class whole_crawl final : public ratchet::task<void> {
 public:
  explicit whole_crawl(crawl& c) : crawl_(c) {}
  step start() {
    if (isatty(STDERR_FILENO) != 0) {
      progress_ = ratchet::create_task(progress(crawl_));
    }
    for (uint32_t i = 0; i < FLAGS_concurrency; ++i) {
      workers_.push_back(ratchet::create_task(worker(crawl_)));
    }
    return await<&whole_crawl::all_done>(crawl_.to_do.join());
  }

 private:
  step all_done(absl::Status status) {
    status_ = std::move(status);
    crawl_.to_do.shutdown();
    if (!status_.ok()) {
      for (ratchet::future<void>& w : workers_) w.cancel("the crawl ends");
    }
    if (progress_.valid()) {
      progress_.cancel();
      std::cerr << '\r' << std::string(60, ' ') << '\r';
    }
    return await<&whole_crawl::ended>(
        ratchet::when_all_settled(std::move(workers_)));
  }
  step ended() { return done(status_); }

  crawl& crawl_;
  absl::Status status_;
  ratchet::future<void> progress_;
  std::vector<ratchet::future<void>> workers_;
};

int complain(const absl::Status& status) {
  std::cerr << "crawler: " << status << '\n';
  return 1;
}

// What ends the program in good order: a number that comes with the future.
struct stop_request {
  int signal = 0;
  ratchet::future<void> came;
};

// Cancels `what` when the program is asked to end.
void stop_on_signal(ratchet::shared_future<void> what, stop_request& stop) {
  stop.came = ratchet::next_signal({SIGINT, SIGTERM})
                  .then([what = std::move(what), &stop](int signal) mutable {
                    stop.signal = signal;
                    what.cancel("the program is asked to end");
                  });
}

int crawl_from(ratchet::event_loop& loop, const std::string& start) {
  crawl c;
  c.host = demo::host_of(start);
  if (c.host.empty() || !(absl::StartsWith(start, "http://") ||
                          absl::StartsWith(start, "https://"))) {
    std::cerr << "crawler: " << start
              << " is no URL: write http://HOST/ or https://HOST/\n";
    return 2;
  }
  // As the links to it are spelled.
  c.put(demo::resolve_link(start, start).value_or(start), 0);
  const absl::Time began = loop.now();
  ratchet::shared_future<void> crawling =
      ratchet::create_task(whole_crawl(c)).share();
  stop_request stop;
  stop_on_signal(crawling, stop);
  const absl::Status status = loop.run_until_complete(crawling);
  if (!status.ok() && stop.signal == 0) return complain(status);
  // Of what there is until then.
  std::cout << c.report.table(loop.now() - began);
  if (stop.signal != 0) {
    std::cerr << "crawler: stopped by " << strsignal(stop.signal) << '\n';
    return 128 + stop.signal;
  }
  return c.report.pages() > c.report.errors() ? 0 : 1;
}

// Until SIGINT or SIGTERM.
int serve(ratchet::event_loop& loop) {
  size_t requests = 0;
  // Before anybody can know that there is a server.
  ratchet::future<int> signal = ratchet::next_signal({SIGINT, SIGTERM});
  absl::StatusOr<std::unique_ptr<demo::http_server>> site =
      demo::http_server::start(
          [&requests, site = demo::generated_site(static_cast<int>(
                          FLAGS_pages))](const demo::http_request& request) {
            ++requests;
            return site(request);
          },
          {FLAGS_port});
  if (!site.ok()) return complain(site.status());
  std::cout << (*site)->url() << '/' << std::endl;
  const absl::StatusOr<int> came = loop.run_until_complete(std::move(signal));
  if (!came.ok()) return complain(came.status());
  std::cout << "stopped by " << strsignal(*came) << ", after " << requests
            << " requests over " << (*site)->connections() << " connections\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  demo::parse_flags(
      "follows the links of a site.\n\n"
      "  crawler [flags] URL   crawls it\n"
      "  crawler [flags]       crawls a site that it generates itself\n"
      "  crawler --serve       serves that one, until SIGINT (Ctrl-C) or "
      "SIGTERM\n\n"
      "The status is 1 if no page could be fetched. SIGINT and SIGTERM end a "
      "crawl with the\nsummary of what there is by then, and with 130 and 143.",
      &argc, &argv);
  if (argc > (FLAGS_serve ? 1 : 2) || FLAGS_concurrency == 0 ||
      FLAGS_limit == 0 || FLAGS_pages == 0 || FLAGS_port < 0 ||
      FLAGS_port > 65535) {
    std::cerr << "crawler: see crawler --help\n";
    return 2;
  }
  ratchet::event_loop loop;
  if (FLAGS_serve) return serve(loop);
  if (argc == 2) return crawl_from(loop, argv[1]);

  absl::StatusOr<std::unique_ptr<demo::http_server>> site =
      demo::http_server::start(
          demo::generated_site(static_cast<int>(FLAGS_pages)), {FLAGS_port});
  if (!site.ok()) return complain(site.status());
  return crawl_from(loop, (*site)->url());
}
