#ifndef DEMOS_CRAWL_REPORT_H_
#define DEMOS_CRAWL_REPORT_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace demo {

// What a crawl has come to, page by page, and the table that is printed.
class crawl_report final {
 public:
  struct page {
    std::string url;
    int status = 0;  // 0: there was no response, but an error.
    absl::Status error;
    size_t bytes = 0;
    absl::Duration took;
  };

  void add(page p);
  size_t pages() const { return pages_.size(); }
  size_t bytes() const { return bytes_; }
  size_t errors() const { return by_status_.count(0) ? by_status_.at(0) : 0; }

  std::string table(absl::Duration took) const;

 private:
  std::vector<page> pages_;
  std::map<int, size_t> by_status_;
  size_t bytes_ = 0;
};

}  // namespace demo

#endif  // DEMOS_CRAWL_REPORT_H_
