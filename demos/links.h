#ifndef DEMOS_LINKS_H_
#define DEMOS_LINKS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

// What the href of each <a> in `html` is, in order, entities decoded. For what
// browsers see in the web, not for what a standard says that they should: no
// input is wrong, and comments and scripts are skipped. O(size).
std::vector<std::string> extract_links(std::string_view html);

// `link`, as it stands in the page `base`, as a full URL without its fragment.
// Nothing if it leads to no other page: "mailto:", "#top", what is no URL.
std::optional<std::string> resolve_link(const std::string& base,
                                        const std::string& link);

// "host:port" of a URL; "" if it has none.
std::string host_of(const std::string& url);

}  // namespace demo

#endif  // DEMOS_LINKS_H_
