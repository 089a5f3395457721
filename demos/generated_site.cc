#include "demos/generated_site.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace demo {
namespace {

std::string path_of(int page) {
  return page == 0 ? "/" : absl::StrCat("/page/", page);
}

std::string html_of(int page, int pages) {
  std::string html =
      absl::StrCat("<!DOCTYPE html><title>Page ", page,
                   "</title><!-- <a href='/in-a-comment'> -->\n");
  const auto link = [&](int to) {
    if (to >= pages) return;
    // As it is found in the web.
    constexpr const char* kForms[] = {"<a href=\"", "<A class=x HREF='",
                                      "<a  href = "};
    constexpr const char* kEnds[] = {"\">", "'>", ">"};
    absl::StrAppend(&html, "<p>", kForms[to % 3], path_of(to), "#top",
                    kEnds[to % 3], "page ", to, "</a>\n");
  };
  link(2 * page + 1);
  link(2 * page + 2);
  link((page * 7 + 3) % pages);
  if (page == 3) absl::StrAppend(&html, "<a href='/loop/a'>around</a>");
  absl::StrAppend(&html, "<a href='mailto:nobody@example.org'>mail</a>",
                  "<a href=''>here</a><a>nowhere</a>\n",
                  std::string(static_cast<size_t>(page % 40) * 100, '.'),
                  page % 10 == 9 ? "<a href=\"/never-closed" : "</html>\n");
  return html;
}

http_answer answer_of(int page, int pages) {
  http_answer answer;
  answer.delay = absl::Milliseconds(page * 13 % 10);
  answer.headers = {{"Content-Type", "text/html; charset=utf-8"}};
  if (page % 23 == 7) {
    answer.status = 404;
    answer.body = "<p>No such page. <a href=/>Home</a>";
  } else if (page % 29 == 11) {
    answer.status = 500;
    answer.body = "<p>Something is wrong here.";
  } else if (page % 31 == 13 && page + 1 < pages) {
    answer.status = 301;
    answer.headers.emplace_back("Location", path_of(page + 1));
  } else {
    answer.body = html_of(page, pages);
    if (page % 17 == 5) answer.delay = absl::Milliseconds(150);
  }
  return answer;
}

}  // namespace

http_server::handler generated_site(int pages) {
  return [pages](const http_request& request) -> http_answer {
    absl::string_view rest = request.path;
    if (rest == "/") return answer_of(0, pages);
    if (rest == "/loop/a") return {302, "", {{"Location", "/loop/b"}}};
    if (rest == "/loop/b") return {302, "", {{"Location", "/loop/a"}}};
    int page = 0;
    if (absl::ConsumePrefix(&rest, "/page/") && absl::SimpleAtoi(rest, &page) &&
        page > 0 && page < pages) {
      return answer_of(page, pages);
    }
    return {404, "no such page\n"};
  };
}

}  // namespace demo
