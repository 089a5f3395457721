#include "demos/links.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace demo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ExtractLinksTest, FindsThemHoweverTheyAreWritten) {
  EXPECT_THAT(extract_links("<a href=\"/a\">x</a><A HREF='/b'><a class=c\n"
                            "  href = /c >x<a href=/d/e/>"),
              ElementsAre("/a", "/b", "/c", "/d/e/"));
  EXPECT_THAT(extract_links("<a href=\"/?a=1&amp;b=2\">"),
              ElementsAre("/?a=1&b=2"));
  EXPECT_THAT(extract_links("<a href=/a href=/b>"), ElementsAre("/a"));
}

TEST(ExtractLinksTest, LeavesOutWhatIsNone) {
  EXPECT_THAT(extract_links("<link href=/a><area href=/b><abbr href=/c>"),
              IsEmpty());
  EXPECT_THAT(extract_links("<!-- <a href=/a> --><a>x</a><a nohref=/b>"),
              IsEmpty());
  EXPECT_THAT(extract_links("<script>'<a href=/a>'</SCRIPT><a href=/b>"),
              ElementsAre("/b"));
  EXPECT_THAT(extract_links("<p title='<a href=/a>'>"), IsEmpty());
}

TEST(ExtractLinksTest, SurvivesWhatEndsTooEarly) {
  const std::string html =
      "<!-- x --><script>y</script><a class='c' href=\"/a\">x</a>";
  for (size_t size = 0; size <= html.size(); ++size) {
    extract_links(html.substr(0, size));
    extract_links(html.substr(size));
  }
}

// Seeded.
TEST(ExtractLinksTest, SurvivesWhateverComes) {
  uint64_t seed = 1;
  const auto random = [&seed](uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
  };
  const std::vector<std::string> parts = {
      "<",     ">",       "</",     "<!--",    "-->",   "<a",
      " href", "=",       "\"",     "'",       "/",     " ",
      "\n",    "&",       "&amp;",  "<script", "</sc",  "//x",
      "http:", "#",       "?a=b",   "..",      "%zz",   std::string(1, '\0'),
      "\xff",  ":",       "style>", "@",       "[::1]", "xx",
      "\t",    "<a href="};
  for (int i = 0; i < 5000; ++i) {
    std::string html;
    for (uint64_t n = random(30); n > 0; --n)
      html += parts[random(parts.size())];
    for (const std::string& link : extract_links(html)) {
      const auto url = resolve_link("http://127.0.0.1:80/a/b", link);
      if (url.has_value()) {
        EXPECT_EQ(url->compare(0, 4, "http"), 0) << *url;
      }
    }
  }
}

TEST(ResolveLinkTest, IsRelativeToThePage) {
  const std::string base = "http://host:8080/a/b?q=1";
  EXPECT_EQ(resolve_link(base, "/c"), "http://host:8080/c");
  EXPECT_EQ(resolve_link(base, "c"), "http://host:8080/a/c");
  EXPECT_EQ(resolve_link(base, "../c#part"), "http://host:8080/c");
  EXPECT_EQ(resolve_link(base, "//other/c"), "http://other/c");
  EXPECT_EQ(resolve_link(base, "https://other/"), "https://other/");
  EXPECT_EQ(resolve_link(base, "/a b"), "http://host:8080/a%20b");
}

TEST(ResolveLinkTest, LeavesOutWhatLeadsNowhere) {
  for (const char* link : {"", "#top", "mailto:me@example.org",
                           "javascript:void(0)", "ftp://host/"}) {
    EXPECT_EQ(resolve_link("http://host/", link), std::nullopt) << link;
  }
}

TEST(HostOfTest, HasThePort) {
  EXPECT_EQ(host_of("http://host/a"), "host:80");
  EXPECT_EQ(host_of("https://host"), "host:443");
  EXPECT_EQ(host_of("http://host:8080/"), "host:8080");
  EXPECT_EQ(host_of("nothing"), "");
}

}  // namespace
}  // namespace demo
