// The snippets of docs/guide.md about HTTP and callbacks, compiled and run.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "demos/http_server.h"
#include "gtest/gtest.h"
#include "ratchet/future_from_callback.h"
#include "ratchet/io/http.h"
#include "ratchet/map_concurrent.h"
#include "ratchet/ratchet.h"
#include "ratchet/retry.h"

namespace {

// -- The snippets

// The size of a page, or the error that its status is.
class page_size final : public ratchet::task<size_t> {
 public:
  page_size(ratchet::http_client& client, std::string url)
      : client_(client), url_(std::move(url)) {}
  step start() {
    ratchet::http_request request;
    request.url = url_;
    request.timeout = absl::Seconds(5);
    request.max_response_bytes = 1 << 20;
    return await<&page_size::got>(client_.fetch(std::move(request)));
  }

 private:
  step got(ratchet::http_response response) {
    absl::Status status = ratchet::http_error(response);
    if (!status.ok()) return fail(std::move(status));
    return done(response.body.size());
  }

  ratchet::http_client& client_;
  std::string url_;
};

auto page_sizes(ratchet::http_client& client, std::vector<std::string> urls) {
  return ratchet::map_concurrent_settled(
      std::move(urls), 8, [&client](const std::string& url) {
        return ratchet::retry({}, [&client, url] {  // 503 and time-outs again.
          return page_size(client, url);
        });
      });
}

// A device that answers through callbacks.
class thermometer final {
 public:
  using callback = std::function<void(int error, double degrees)>;
  int measure(callback f);  // Gives the number of the request.
  void forget(int request);
  void answer(int error, double degrees);

 private:
  callback waiting_;
};

ratchet::future<double> measure(thermometer& device) {
  return ratchet::future_from_callback<double>([&device](auto callback) {
    const int request = device.measure([callback](int error, double degrees) {
      if (error != 0) {
        callback(absl::UnavailableError("no answer from the device"));
      } else {
        callback(degrees);
      }
    });
    return [&device, request] { device.forget(request); };  // When cancelled.
  });
}

// -- What they do

int thermometer::measure(callback f) {
  waiting_ = std::move(f);
  return 1;
}
void thermometer::forget(int /*request*/) { waiting_ = nullptr; }
void thermometer::answer(int error, double degrees) {
  if (waiting_) waiting_(error, degrees);
}

TEST(GuideHttpTest, PagesHaveSizes) {
  ratchet::event_loop loop;
  int asked = 0;
  auto server = demo::http_server::start([&](const demo::http_request& r) {
    if (r.path == "/none") return demo::http_answer{404};
    if (r.path == "/busy" && ++asked == 1) return demo::http_answer{503};
    return demo::http_answer{200, "hello"};
  });
  ASSERT_TRUE(server.ok());
  const std::string url = (*server)->url();
  ratchet::http_client_options options;
  options.proxy = "";
  ratchet::http_client client(options);
  const auto sizes = loop.run_until_complete(
      page_sizes(client, {url + "/", url + "/none", url + "/busy"}));
  ASSERT_TRUE(sizes.ok());
  EXPECT_EQ((*sizes)[0].value(), 5u);
  EXPECT_EQ((*sizes)[1].status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ((*sizes)[2].value(), 5u);
}

TEST(GuideHttpTest, ADeviceIsMeasured) {
  ratchet::event_loop loop;
  thermometer device;
  ratchet::future<double> degrees = measure(device);
  device.answer(0, 21.5);
  EXPECT_EQ(degrees.value(), 21.5);
  degrees = measure(device);
  device.answer(1, 0);
  EXPECT_EQ(degrees.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
