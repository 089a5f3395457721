#ifndef DEMOS_GENERATED_SITE_H_
#define DEMOS_GENERATED_SITE_H_

#include "demos/http_server.h"

namespace demo {

// What a server of a site of `pages` pages answers, always the same: they stand
// in a tree ("/", "/page/1", ...), with some links across; some are slow, some
// are moved, some are missing (404) or broken (500), two redirect to each other
// for ever, and the HTML is not always as it should be.
http_server::handler generated_site(int pages);

}  // namespace demo

#endif  // DEMOS_GENERATED_SITE_H_
