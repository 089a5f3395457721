#include "demos/links.h"

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace demo {
namespace {

bool is_space(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c));
}

// The position behind `text` from `at` on, without regard to case; the end if
// it does not come.
size_t behind(absl::string_view html, size_t at, absl::string_view text) {
  for (; at + text.size() <= html.size(); ++at) {
    if (absl::EqualsIgnoreCase(html.substr(at, text.size()), text)) {
      return at + text.size();
    }
  }
  return html.size();
}

// A tag, from behind its "<" on: its name, and its attributes one by one.
class tag_reader final {
 public:
  tag_reader(absl::string_view html, size_t at) : html_(html), at_(at) {
    const size_t begin = at_;
    while (at_ < html_.size() && html_[at_] != '>' && html_[at_] != '/' &&
           !is_space(html_[at_])) {
      ++at_;
    }
    name_ = html_.substr(begin, at_ - begin);
  }

  absl::string_view name() const { return name_; }
  size_t position() const { return at_; }

  // False at the end of the tag, which is behind.
  bool next(absl::string_view& name, absl::string_view& value) {
    while (at_ < html_.size() && (is_space(html_[at_]) || html_[at_] == '/')) {
      ++at_;
    }
    if (at_ == html_.size()) return false;
    if (html_[at_] == '>') {
      ++at_;
      return false;
    }
    const size_t begin = at_++;  // Whatever it is, so that it goes on.
    while (at_ < html_.size() && html_[at_] != '=' && html_[at_] != '>' &&
           html_[at_] != '/' && !is_space(html_[at_])) {
      ++at_;
    }
    name = html_.substr(begin, at_ - begin);
    skip_space();
    value = {};
    if (at_ < html_.size() && html_[at_] == '=') {
      ++at_;
      skip_space();
      value = read_value();
    }
    return true;
  }

 private:
  void skip_space() {
    while (at_ < html_.size() && is_space(html_[at_])) ++at_;
  }

  absl::string_view read_value() {
    if (at_ == html_.size()) return {};
    const char quote = html_[at_];
    if (quote == '"' || quote == '\'') {
      const size_t begin = ++at_;
      while (at_ < html_.size() && html_[at_] != quote) ++at_;
      const absl::string_view value = html_.substr(begin, at_ - begin);
      if (at_ < html_.size()) ++at_;
      return value;
    }
    const size_t begin = at_;
    while (at_ < html_.size() && html_[at_] != '>' && !is_space(html_[at_])) {
      ++at_;
    }
    return html_.substr(begin, at_ - begin);
  }

  absl::string_view html_;
  size_t at_;
  absl::string_view name_;
};

std::string decoded(absl::string_view value) {
  return absl::StrReplaceAll(absl::StripAsciiWhitespace(value),
                             {{"&amp;", "&"},
                              {"&lt;", "<"},
                              {"&gt;", ">"},
                              {"&quot;", "\""},
                              {"&#39;", "'"}});
}

struct url_deleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct text_deleter {
  void operator()(char* text) const { curl_free(text); }
};

std::string part_of(CURLU* url, CURLUPart which, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, text_deleter> owner(text);
  return text;
}

}  // namespace

std::vector<std::string> extract_links(std::string_view text) {
  const absl::string_view html(text.data(), text.size());
  std::vector<std::string> links;
  size_t at = 0;
  while ((at = html.find('<', at)) != absl::string_view::npos) {
    ++at;
    if (absl::StartsWith(html.substr(at), "!--")) {
      at = behind(html, at + 3, "-->");
      continue;
    }
    tag_reader tag(html, at);
    const bool anchor = absl::EqualsIgnoreCase(tag.name(), "a");
    bool found = false;
    absl::string_view name;
    absl::string_view value;
    while (tag.next(name, value)) {
      if (!anchor || found || !absl::EqualsIgnoreCase(name, "href")) continue;
      links.push_back(decoded(value));
      found = true;  // The first one counts.
    }
    at = tag.position();
    for (const char* raw : {"script", "style"}) {
      if (!absl::EqualsIgnoreCase(tag.name(), raw)) continue;
      at = behind(html, at, std::string("</") + raw);
    }
  }
  return links;
}

std::optional<std::string> resolve_link(const std::string& base,
                                        const std::string& link) {
  if (link.empty() || link[0] == '#') return std::nullopt;
  const std::unique_ptr<CURLU, url_deleter> url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, link.c_str(), CURLU_URLENCODE) !=
          CURLUE_OK) {
    return std::nullopt;
  }
  const std::string scheme = part_of(url.get(), CURLUPART_SCHEME, 0);
  if (scheme != "http" && scheme != "https") return std::nullopt;
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  std::string full = part_of(url.get(), CURLUPART_URL, 0);
  if (full.empty()) return std::nullopt;
  return full;
}

std::string host_of(const std::string& text) {
  const std::unique_ptr<CURLU, url_deleter> url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return "";
  }
  return part_of(url.get(), CURLUPART_HOST, 0) + ":" +
         part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

}  // namespace demo
