#include "demos/crawl_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace demo {
namespace {

constexpr size_t kMostShown = 5;

std::string millis(absl::Duration d) {
  return absl::StrFormat("%6.0f ms", absl::ToDoubleMilliseconds(d));
}

}  // namespace

void crawl_report::add(page p) {
  bytes_ += p.bytes;
  ++by_status_[p.status];
  pages_.push_back(std::move(p));
}

std::string crawl_report::table(absl::Duration took) const {
  std::string text = absl::StrFormat("%d page%s, %d bytes, in %.1f s\n\n",
                                     pages(), pages() == 1 ? "" : "s", bytes_,
                                     absl::ToDoubleSeconds(took));
  absl::StrAppend(&text, "status    pages\n");
  for (const auto& [status, count] : by_status_) {
    absl::StrAppendFormat(&text, "%-8s %6d\n",
                          status == 0 ? "error" : absl::StrCat(status), count);
  }
  std::vector<const page*> slowest;
  for (const page& p : pages_) slowest.push_back(&p);
  std::sort(slowest.begin(), slowest.end(),
            [](const page* a, const page* b) { return a->took > b->took; });
  if (slowest.empty()) return text;
  absl::StrAppend(&text, "\ntime\n");
  for (const int percent : {50, 90, 99}) {
    const size_t at = slowest.size() * static_cast<size_t>(100 - percent) / 100;
    absl::StrAppendFormat(&text, "%6d %% %s\n", percent,
                          millis(slowest[at]->took));
  }
  absl::StrAppend(&text, "\nslowest\n");
  for (size_t i = 0; i < std::min(kMostShown, slowest.size()); ++i) {
    absl::StrAppend(&text, millis(slowest[i]->took), "  ", slowest[i]->url,
                    "\n");
  }
  if (errors() > 0) absl::StrAppend(&text, "\nerrors\n");
  size_t shown = 0;
  for (const page& p : pages_) {
    if (p.error.ok()) continue;
    if (++shown > kMostShown) break;
    absl::StrAppend(&text, "  ", p.error.message(), "\n");
  }
  if (shown > kMostShown) {
    absl::StrAppend(&text, "  and ", errors() - kMostShown, " more\n");
  }
  return text;
}

}  // namespace demo
