#include "ratchet/internal/guarded.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ratchet/status.h"

#if defined(ABSL_HAVE_EXCEPTIONS) && defined(__GXX_RTTI)
#include <cxxabi.h>
#endif

namespace ratchet::internal {

#ifdef ABSL_HAVE_EXCEPTIONS
namespace {

// The name of the type of the exception being handled, for people.
std::string current_exception_type() {
#ifdef __GXX_RTTI
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type != nullptr) {
    int failed = 0;
    char* const name =
        abi::__cxa_demangle(type->name(), nullptr, nullptr, &failed);
    std::string result = failed == 0 ? name : type->name();
    std::free(name);
    return result;
  }
#endif
  return "exception";
}

}  // namespace

absl::Status status_of_current_exception() {
  std::string text = current_exception_type();
  try {
    throw;
  } catch (const std::exception& e) {
    absl::StrAppend(&text, ": ", e.what());
  } catch (...) {
  }
  return make_error(error_kind::thrown, text);
}
#endif

}  // namespace ratchet::internal
